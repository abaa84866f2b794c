"""The one way to load a policy, for sampling, training and the reference: all of its weights, or one clear error.

transformers draws weights that a file lacks at random, and goes on. Here a missing, unexpected or misshapen tensor is
an error that names it, and so are files that are not those that provenance.json tells of.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sent.config import Model
from sent.errors import SentError
from sent.models import architecture
from sent.models import folder as model_folder

if TYPE_CHECKING:
    import torch

VERIFIED_BELOW = 8 * 10**9
"""Bytes of weights up to which each load reads them twice, to compare their SHA-256; about a second a gigabyte."""
NAMED = 3
"""Tensors of a kind that an error names."""


def load_model(folder: str | Path, model: Model, dtype: "torch.dtype") -> Any:
    """Return the causal language model of a folder, in ``dtype``, on the CPU, in evaluation mode.

    Raises :class:`SentError` that names file and key if the folder is no model, if a tensor is missing, unexpected
    or of another shape than its configuration says, if a file's SHA-256 is not that of provenance.json, or if the
    architecture is not supported. Tied weights may be there once or twice.
    """
    folder = Path(folder)
    verify(folder, model)
    return _loaded(folder, str(folder), model, dtype, None)


def load_tokenizer(folder: str | Path, model: Model) -> Any:
    """Return the tokenizer of a model folder. Raises :class:`SentError` if it has none or it cannot be read."""
    model_folder.config_file(Path(folder), str(folder))
    return model_folder.load_tokenizer(Path(folder), str(folder), model.trust_remote_code)


def check(folder: Path, where: str, model: Model) -> None:
    """Check that a folder's configuration, class and tensors fit together, without reading the numbers."""
    _loaded(folder, where, model, None, "meta")


def verify(folder: Path, model: Model) -> None:
    """Raise :class:`SentError` if a file is missing or is not the one that provenance.json tells of.

    Weights beyond :data:`VERIFIED_BELOW` are compared by size only, unless the model's `verify_weights` asks for more.
    """
    known = _provenance(folder)
    weights = {path.name for path in model_folder.weights(folder, str(folder))}
    total = sum(entry["bytes"] for name, entry in known.items() if name in weights)
    thorough = total <= VERIFIED_BELOW if model.verify_weights is None else model.verify_weights
    for name, expected in known.items():
        path = folder / name
        if name not in weights and path.suffix not in (".json", ".model", ".jinja", ".txt"):
            continue
        found = path.stat().st_size if path.is_file() else None
        same = found == expected["bytes"] and (
            (name in weights and not thorough) or model_folder.sha256(path) == expected["sha256"]
        )
        if not same:
            raise SentError(
                f"{path}: {'missing' if found is None else 'its content changed'} since the model was prepared: it is not "
                f"the file of SHA-256 {expected['sha256'][:12]} that provenance.json tells of; prepare the model again "
                "(remove its folder), or restore the file"
            )


def _provenance(folder: Path) -> dict[str, dict]:
    """Return size and SHA-256 of the folder's files as they were when it was made; nothing where that is not known."""
    path = folder / "provenance.json"
    if not path.is_file():
        return {}
    try:
        files = json.loads(path.read_text(encoding="utf-8")).get("files", {})
        return {name: {"bytes": int(f["bytes"]), "sha256": str(f["sha256"])} for name, f in files.items()}
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise SentError(
            f"{path}: cannot be read ({' '.join(str(error).split())}); expected JSON with files; remove it if the "
            "model was not prepared by this workflow"
        ) from None


def _loaded(folder: Path, where: str, model: Model, dtype: "torch.dtype | None", device: str | None) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    model_folder.config_file(folder, where)
    with model_folder.reading(f"{where}: config.json: cannot be read as a model's"):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=model.trust_remote_code)
    architecture.check_config(config, where)
    model_folder.check_weights(folder, where)
    known = AutoModelForCausalLM._model_mapping.get(type(config), None)
    if known is None and not (model.trust_remote_code and getattr(config, "auto_map", None)):
        raise SentError(
            f"{where}: config.json: 'model_type' ({config.model_type}): no causal language model; expected a decoder "
            "such as llama or qwen3"
        )
    with _quiet(), model_folder.reading(f"{where}: its model cannot be loaded"):
        made: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            attn_implementation=architecture.attention_of(known, config),
            trust_remote_code=model.trust_remote_code,
            use_safetensors=True,
            device_map=device,
            ignore_mismatched_sizes=True,  # so that they are reported by name, below
            output_loading_info=True,
        )
        loaded, info = made
    _check_tensors(info, where)
    architecture.check_class(loaded, where)
    return loaded


def _check_tensors(info: dict, where: str) -> None:
    """Raise :class:`SentError` that names the tensors that are missing, not expected, or of another shape."""
    missing, unexpected = sorted(info["missing_keys"]), sorted(info["unexpected_keys"])
    misshapen = [
        f"{name} {list(found)} instead of {list(expected)}"
        for name, found, expected in sorted(info["mismatched_keys"])
    ]
    wrong = [
        f"{len(names)} tensors are {what} ({_some(names)})"
        for what, names in (("missing", missing), ("not expected", unexpected), ("misshapen", misshapen))
        if names
    ]
    if wrong or info["error_msgs"]:
        said = "; ".join([*wrong, *info["error_msgs"]])
        raise SentError(
            f"{where}: its weights do not fit its config.json: {said}; take weights and config.json that were saved together"
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' table of tensors out of the log: what is wrong becomes an error of ours."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)

"""What makes a folder a model: its configuration, readable weights, and a tokenizer that fits them."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from sent.errors import SentError

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json", "spiece.model", "spm.model")
OTHER_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.gguf")


def config_file(folder: Path, where: str) -> Path:
    """Return the config.json of a model folder; raise :class:`SentError` that names ``where`` if there is none."""
    file = folder / "config.json"
    if not file.is_file():
        raise SentError(
            f"{where}: not a model folder (it has no config.json); give the folder of a saved model"
        )
    return file


def check(folder: Path, where: str, trust_remote_code: bool = False) -> dict:
    """Check a model folder; return its number of parameters and its vocabulary sizes.

    Raises :class:`SentError` that names ``where`` and everything that is missing: config.json, weights as
    safetensors (every shard that the index names) or a tokenizer; or says that a file cannot be read, or that
    the tokenizer knows tokens for which the model has no row.
    """
    if not folder.is_dir():
        raise SentError(f"{where}: no such folder; give the folder that holds a model's config.json")
    missing = _missing(folder, where)
    if missing:
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
        raise SentError(
            f"{where}: not a model folder: it lacks {', '.join(missing)}; it holds {found}{_hint(folder, where)}"
        )
    rows = _vocabulary_of_model(folder, where)
    tokens = _vocabulary_of_tokenizer(folder, where, trust_remote_code)
    if tokens > rows:
        raise SentError(
            f"{where}: its tokenizer has {tokens} tokens, its model rows for {rows} only; they do not belong "
            "together: take the tokenizer that was saved with the model, or resize the model's embeddings"
        )
    return {"parameters": parameters(folder, where), "vocabulary_model": rows, "vocabulary_tokenizer": tokens}


def parameters(folder: Path, where: str) -> int:
    """Count the parameters in a folder's weight files from their headers."""
    return sum(prod(shape) for shape in check_weights(folder, where).values())


def check_weights(folder: Path, where: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors in a folder's weight files, from their headers.

    Raises :class:`SentError` that names a file that is missing or cannot be read, or one of another format.
    """
    from safetensors import SafetensorError, safe_open

    shapes: dict = {}
    if not (found := weights(folder, where)):
        raise SentError(f"{where}: it has no weights as safetensors ({WHOLE}){_hint(folder, where)}")
    for file in found:
        if not file.is_file():
            raise SentError(f"{where}: {file.name}: missing, though {INDEX} names it; copy or fetch it again")
        try:
            with safe_open(file, framework="numpy") as tensors:
                shapes |= {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError) as error:
            raise SentError(
                f"{where}: {file.name} cannot be read ({_line(error)}); copy or fetch it again"
            ) from None
    return shapes


def weights(folder: Path, where: str) -> list[Path]:
    """Return the files that transformers takes the weights from: model.safetensors, else the shards of the index."""
    whole, index = folder / WHOLE, folder / INDEX
    if whole.is_file() or not index.is_file():
        return [whole] if whole.is_file() else []
    with reading(f"{where}: {INDEX}: expected JSON with a weight_map"):
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        if any(not isinstance(name, str) or Path(name).name != name for name in names):
            raise SentError(f"{where}: {INDEX}: 'weight_map': expected names of files in the same folder")
    return [folder / name for name in names]


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever a library raises over a bad file into one line that begins with ``what``.

    Which exception a library ends with on damaged input is not said by any of them.
    """
    try:
        yield
    except (SentError, MemoryError):
        raise
    except Exception as error:
        raise SentError(f"{what} ({type(error).__name__}: {_line(error)})") from error


def files(folder: Path) -> dict[str, dict]:
    """Return size and SHA-256 of every file of a folder, by relative path."""
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def licence(folder: Path) -> str | None:
    """Return the licence that the folder's model card states, if there is one."""
    import yaml

    card = folder / "README.md"
    text = card.read_text(errors="replace", encoding="utf-8") if card.is_file() else ""
    if not text.startswith("---"):
        return None
    try:
        front = yaml.safe_load(text.split("---")[1])
    except yaml.YAMLError:
        return None
    if not isinstance(front, dict):
        return None
    stated = front.get("license_name") if front.get("license") == "other" else front.get("license")
    return str(stated) if stated else None


def _missing(folder: Path, where: str) -> list[str]:
    missing = [] if (folder / "config.json").is_file() else ["config.json"]
    found = weights(folder, where)
    if not found:
        missing.append(f"weights ({WHOLE})")
    missing += [f"the shard {file.name}" for file in found if not file.is_file()]
    if not any((folder / name).is_file() for name in TOKENIZERS):
        missing.append("a tokenizer (tokenizer.json)")
    return missing


def _hint(folder: Path, where: str) -> str:
    """A way out where there are weights of another format or name."""
    if weights(folder, where):
        return ""
    others = sorted({path.name for pattern in OTHER_WEIGHTS for path in folder.glob(pattern)})
    if not others:
        return ""
    return f"; save the weights of {others[0]} as {WHOLE} (transformers' save_pretrained does)"


def _vocabulary_of_model(folder: Path, where: str) -> int:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return int(config.get("vocab_size") or config["text_config"]["vocab_size"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SentError(f"{where}: its config.json is no model's configuration ({error!r})") from None


def _vocabulary_of_tokenizer(folder: Path, where: str, trust_remote_code: bool) -> int:
    """One more than the largest token number."""
    return max(load_tokenizer(folder, where, trust_remote_code).get_vocab().values()) + 1


def load_tokenizer(folder: Path, where: str, trust_remote_code: bool) -> Any:
    """Return a folder's tokenizer. Raises :class:`SentError` if it cannot be loaded."""
    from transformers import AutoConfig, AutoTokenizer

    with reading(f"{where}: config.json: cannot be read as a model's"):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code)
    with reading(f"{where}: its tokenizer cannot be loaded; save it again with the model"):
        return AutoTokenizer.from_pretrained(folder, config=config, trust_remote_code=trust_remote_code)


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]

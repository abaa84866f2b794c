"""One model folder with its provenance, wherever the model comes from."""

import json
from collections.abc import Callable
from pathlib import Path

from sent import tables
from sent.config import Model
from sent.errors import SentError
from sent.log import logger
from sent.models import fetch
from sent.models import folder as model_folder

Train = Callable[[Path], dict]
"""Trains a model into a folder and returns what is worth knowing about it."""


Check = Callable[[Path, str, Model], None]
"""Raises an error if a folder is no model of the kind that is wanted."""


def prepare(
    model: Model, name: str, output: Path, train: dict[str, Train], check: Check = lambda *_: None
) -> None:
    """Make the folder ``output``: a hub model, a local one, or one that is trained here, and provenance.json.

    ``train`` holds, by key of the registry entry, what this kind of model can be trained by. Raises
    :class:`SentError` for an entry of another kind.
    """
    makers = {"hub": fetch.from_hub, "path": fetch.from_path}
    given = [key for key in (*makers, *train) if getattr(model, key)]
    if not given:
        expected = ", ".join((*makers, *train))
        raise SentError(
            f"model '{name}': its registry entry has none of {expected}: where does it come from?"
        )
    (origin,) = given
    if model.path and Path(model.path).resolve().is_relative_to(output.resolve()):
        raise SentError(
            f"model '{name}': --output {output} holds the model's own `path` ({model.path}), and would replace it; "
            "give another folder"
        )
    with tables.atomic(output) as folder:
        folder.mkdir()
        known = makers[origin](model, folder) if origin in makers else _trained(train[origin], folder, name)
        check(folder, f"model '{name}'", model)
        provenance = {"name": name, **known, "files": model_folder.files(folder)}
        (folder / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")
    logger.info("%s: %s parameters, from %s", name, known["parameters"], known["origin"])


def _trained(train: Train, folder: Path, name: str) -> dict:
    training = {key: value for key, value in train(folder).items() if key not in ("parameters", "seconds")}
    facts = model_folder.check(folder, f"model '{name}'")
    return {
        "origin": "trained in this workflow",
        "revision": None,
        "licence": None,
        **facts,
        "training": training,
    }

"""Worked examples before a question, from a model's entry or from the file that it names."""

import json
from pathlib import Path

from sent.config.models import Example, Model
from sent.config.parsing import parse, read_yaml
from sent.errors import SentError


def examples_of(model: Model, where: str) -> list[Example]:
    """Return the examples that a model's `few_shot` lists, or those of the file that it names.

    Raises :class:`SentError` that names the file, and the entry that is no example.
    """
    if not isinstance(model.few_shot, str):
        return model.few_shot
    path, key = Path(model.few_shot), f"{where}: 'few_shot'"
    if not path.is_file():
        raise SentError(
            f"{key}: {path}: no such file; name a JSONL, JSON or YAML file with a list of examples"
        )
    try:
        found = (
            [json.loads(line) for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
            if path.suffix == ".jsonl"
            else read_yaml(path)
        )
    except ValueError as error:
        raise SentError(f"{key}: {path}: cannot be read as JSONL in UTF-8 ({error})") from None
    if not isinstance(found, list):
        raise SentError(f"{key}: {path}: expected a list of examples, found {type(found).__name__}")
    return [parse(Example, entry, f"{path}: example {n}") for n, entry in enumerate(found, start=1)]

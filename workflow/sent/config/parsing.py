"""From a user's file or a rule's command line to checked settings, and back."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sent.config.base import Settings
from sent.errors import SentError, nearest


def parse(settings: type[Settings], value: Any, where: str) -> Any:
    """Build ``settings`` from ``value`` (a dict, a JSON string or a YAML/JSON file's path).

    Raises :class:`SentError` that names ``where``, the key, what was expected and, for an unknown key, the
    nearest known one.
    """
    if isinstance(value, str):
        value = read_text(value, where)
    try:
        return settings.model_validate(value)
    except ValidationError as error:
        raise SentError("\n".join(_explain(settings, item, where) for item in error.errors())) from None


def dump(settings: Settings) -> str:
    """Return settings as one line of JSON, keys sorted: what rules pass to commands."""
    return json.dumps(settings.model_dump(mode="json"), sort_keys=True)


def science(settings: Settings, operation: bool = False, report: bool = False) -> str:
    """Return :meth:`Settings.science` in the same form: what is compared and hashed."""
    return json.dumps(settings.science(operation, report), sort_keys=True)


def read_text(text: str, where: str) -> Any:
    if not text.lstrip().startswith("{"):
        path = Path(text)
        if not path.is_file():
            raise SentError(f"{where}: '{text}' is neither JSON nor an existing file")
        text = path.read_text()
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SentError(f"{where}: cannot be read as YAML or JSON: {error}") from None


def _explain(settings: type[Settings], item: dict, where: str) -> str:
    path = [str(part) for part in item["loc"]]
    key = ".".join(path) or "(top level)"
    if item["type"] == "extra_forbidden":
        return f"{where}: unknown key '{key}'{nearest(path[-1], _known_keys(settings, path[:-1]))}"
    found = "" if item["type"] == "missing" else f", found {item['input']!r:.200}"
    return f"{where}: '{key}': {item['msg'].removeprefix('Value error, ')}{found}"


def _known_keys(settings: Any, path: list[str]) -> list[str]:
    """Names of the fields of the model reached by ``path`` from ``settings``."""
    for part in path:
        field = settings.model_fields.get(part) if hasattr(settings, "model_fields") else None
        if field is None:
            return []
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
        settings = next((c for c in candidates if hasattr(c, "model_fields")), None)
    return list(settings.model_fields) if hasattr(settings, "model_fields") else []

"""From a user's file or a rule's command line to checked settings, and back."""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sent.config.base import Settings
from sent.errors import SentError, nearest

MERGE = "tag:yaml.org,2002:merge"
"""What YAML calls the key `<<`."""


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
        lines = [_explain(settings, dict(item), where) for item in error.errors()]
        raise SentError("\n".join(map(_printable, lines))) from None


def dump(settings: Settings) -> str:
    """Return settings as one line of JSON, keys sorted: what rules pass to commands."""
    return json.dumps(settings.model_dump(mode="json"), sort_keys=True)


def science(settings: Settings, operation: bool = False, report: bool = False) -> str:
    """Return :meth:`Settings.science` in the same form: what is compared and hashed."""
    return json.dumps(settings.science(operation, report), sort_keys=True)


def read_text(text: str, where: str) -> Any:
    """Return what YAML or JSON text holds, or the file whose path it is. Raises :class:`SentError` if neither."""
    if not text.lstrip().startswith("{"):
        path = Path(text)
        if not path.is_file():
            raise SentError(f"{where}: '{text}' is neither JSON nor an existing file")
        return read_yaml(path)
    return parse_yaml(text, where)


def read_yaml(path: Path) -> Any:
    """Read a YAML or JSON file in UTF-8. Raises :class:`SentError` that names it, as :func:`parse_yaml` does."""
    try:
        return parse_yaml(path.read_text(encoding="utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise SentError(f"{path}: not in UTF-8 ({error}); save it as UTF-8") from None


def parse_yaml(text: str, where: str) -> Any:
    """Read YAML or JSON, where no key may be there twice. Raises :class:`SentError` that names ``where`` and the line."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        _settle_keys(node, set())
        return None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).replace('in "<unicode string>", ', "").split())
        raise SentError(f"{where}: cannot be read as YAML or JSON: {said:.500}") from None
    finally:
        loader.dispose()


def _name(key: yaml.Node) -> tuple:
    return (key.tag, key.value if isinstance(key, yaml.ScalarNode) else id(key))


def _settle_keys(node: yaml.Node | None, done: set[int]) -> None:
    """Refuse equal keys, of which YAML would take the last without a word, and replace ``<<`` by what it merges.

    PyYAML 6.0.4 takes the wrong value of a key that a merged mapping had itself given anew.
    """
    if not isinstance(node, yaml.CollectionNode) or id(node) in done:
        return
    done.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for part in node.value:
            _settle_keys(part, done)
        return
    own: dict = {}
    merged: dict = {}
    for key, value in node.value:
        _settle_keys(value, done)
        name = _name(key)
        if key.tag == MERGE:
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(source, yaml.MappingNode):
                    raise ValueError(
                        f"<< merges keys and values, found a {source.id} in line {key.start_mark.line + 1}"
                    )
                merged = {_name(pair[0]): pair for pair in source.value} | merged
        elif name in own:
            raise ValueError(f"the key '{key.value}' is there twice, again in line {key.start_mark.line + 1}")
        else:
            own[name] = (key, value)
    node.value = list((merged | own).values())


def _printable(line: str) -> str:
    """A line with line breaks and other control characters of a user's text written out."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)


def _explain(settings: type[Settings], item: dict, where: str) -> str:
    unknown, loc = item["type"] == "extra_forbidden", [str(part) for part in item["loc"]]
    # What stands in parentheses is which of several types a value was taken for, no key; but the unknown key itself may, too.
    path = [p for at, p in enumerate(loc, 1) if not p.startswith("(") or (unknown and at == len(loc))]
    key = ".".join(path) or "(top level)"
    if unknown:
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

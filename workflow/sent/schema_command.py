"""Write the JSON schemas of the config files, and the tables of keys in config/README.md, from the settings.

Editors that know YAML schemas then complete and check the config files. Run it after a change of sent/config/.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sent.config import Settings

MARK = "<!-- From here on written by `python -m sent schema`: change workflow/sent/config/ instead. -->"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder to write to."""
    parser.add_argument("--output", type=Path, default=Path("config"), help="folder of the config files")


def run(arguments: argparse.Namespace) -> None:
    """Write every generated file anew."""
    for name, text in generated(arguments.output).items():
        (arguments.output / name).write_text(text, encoding="utf-8")


def generated(folder: Path) -> dict[str, str]:
    """Return the text of every generated file by name; ``folder`` holds the README to complete."""
    from sent.config import Experiment
    from sent.registry import KINDS

    schemas = {"experiment": Experiment.model_json_schema()}
    for kind, settings in KINDS.items():
        schema = _starting_from_another(settings.model_json_schema())
        definitions = {**schema.pop("$defs", {}), settings.__name__: schema}
        entry = {"$ref": f"#/$defs/{settings.__name__}"}
        schemas[kind] = {"$defs": definitions, "type": "object", "additionalProperties": entry}
    files = {f"{name}.schema.json": json.dumps(schema, indent=1) + "\n" for name, schema in schemas.items()}

    readme = folder / "README.md"
    written_by_hand = readme.read_text(encoding="utf-8").partition(MARK)[0] if readme.is_file() else ""
    files["README.md"] = f"{written_by_hand}{MARK}\n\n{tables_of_keys()}"
    return files


def _starting_from_another(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a registry entry that may say only how it differs from another one."""
    about = {"type": "string", "description": "name of the entry that this one starts from"}
    schema["properties"] = {"from": about, **schema["properties"]}
    if required := schema.pop("required", None):
        schema["anyOf"] = [{"required": ["from"]}, {"required": required}]
    return schema


def tables_of_keys() -> str:
    """Return a Markdown section with a table of keys for every settings class, outermost first."""
    return "\n".join(map(_section, settings_classes()))


def settings_classes() -> "list[type[Settings]]":
    """Return every settings class of the config files, outermost first."""
    from sent.config import Experiment
    from sent.registry import KINDS

    waiting: list[type[Settings]] = [Experiment, *KINDS.values()]
    found: list[type[Settings]] = []
    while waiting:
        settings = waiting.pop(0)
        if settings not in found:
            found.append(settings)
            waiting += [part for field in settings.model_fields.values() for part in _inner(field.annotation)]
    return found


def _section(settings: "type[Settings]") -> str:
    lines = [f"## {settings.__name__}", "", f"{_first_paragraph(settings)}", ""]
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, field in settings.model_fields.items():
        default = "required" if field.is_required() else _default(field)
        meaning = (field.description or "").replace("|", "\\|")
        meaning += " (*operation*)" if name in settings.OPERATION else ""
        lines.append(f"| `{name}` | {_kind(field)} | {default} | {meaning} |")
    return "\n".join([*lines, ""])


def _first_paragraph(settings: "type[Settings]") -> str:
    return " ".join((settings.__doc__ or "").partition("\n\n")[0].split())


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if hasattr(value, "model_dump"):
        changed = value.model_dump(mode="json", exclude_defaults=True)
        return f"`{json.dumps(changed)}`" if changed else f"as in {type(value).__name__}"
    return f"`{json.dumps(value)}`".replace("|", "\\|")


def _kind(field: Any) -> str:
    """The values that a field takes, as a person would write them."""
    text = _of_type(field.annotation)
    bounds = [f"{sign} {value}" for sign, value in _bounds(field.metadata)]
    return ", ".join([text, *bounds])


def _of_type(annotation: Any) -> str:
    import datetime
    from types import NoneType, UnionType
    from typing import Annotated, Literal, Union, get_args, get_origin

    from sent.config import Part

    arguments, origin = get_args(annotation), get_origin(annotation)
    if origin is Annotated:
        return _of_type(arguments[0])
    if origin in (Union, UnionType):
        return " or ".join(_of_type(part) for part in arguments if part is not NoneType)
    if origin is Literal:
        return " \\| ".join(map(str, arguments))
    if origin is list:
        return f"list of {_of_type(arguments[0])}"
    if origin is tuple:
        return f"list of {len(arguments)}: {', '.join(map(_of_type, arguments))}"
    if origin is dict:
        return f"{{{_of_type(arguments[0])}: {_of_type(arguments[1])}}}"
    if annotation is Part:
        return "name, or {name: {constant: value}}"
    words = {
        datetime.date: "a day, such as 2024-07-26",
        str: "text",
        int: "whole number",
        float: "number",
        bool: "true \\| false",
        Any: "any",
    }
    return words.get(annotation) or f"[{annotation.__name__}](#{annotation.__name__.lower()})"


def _bounds(metadata: list) -> list[tuple[str, float]]:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    return [
        (sign, getattr(item, key)) for item in metadata for key, sign in signs.items() if hasattr(item, key)
    ]


def _inner(annotation: Any) -> "list[type[Settings]]":
    """Return the settings classes inside a type."""
    from typing import get_args

    from sent.config import Part

    if isinstance(annotation, type) and hasattr(annotation, "model_fields"):
        return [] if annotation is Part else [annotation]
    return [found for part in get_args(annotation) for found in _inner(part)]

"""The registries of models, methods, benchmarks and curricula, and the entries that names pick from them."""

from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from sent.config import (
    Benchmark,
    Curriculum,
    Experiment,
    Method,
    Model,
    Part,
    Settings,
    laid_over,
    parse,
    read_yaml,
)
from sent.config.examples import examples_of
from sent.errors import SentError, nearest

BASE = "base"
"""The reserved method: the untrained policy, only evaluated."""

KINDS: dict[str, type[Settings]] = {
    "models": Model,
    "methods": Method,
    "benchmarks": Benchmark,
    "curricula": Curriculum,
}
SINGULAR = {"models": "model", "methods": "method", "benchmarks": "benchmark", "curricula": "curriculum"}


def registry_file(kind: str) -> Path:
    """Return the file of a registry: config/{kind}.yaml of the working directory, else the one that the package brings."""
    own = Path("config") / f"{kind}.yaml"
    if own.is_file():
        return own
    return (Path(__file__).parent / "registries" / own.name).resolve()


def entries_of(kind: str, experiment: Experiment, where: str) -> dict[str, tuple[Any, str]]:
    """Raw entries of one registry file, with the experiment's own on top, each with the place where it stands."""
    file = registry_file(kind)
    shared = {
        name: (entry, f"{file}: {name}")
        for name, entry in _read_version(file, file.stat().st_mtime_ns).items()
    }
    own = cast(dict[str, dict[str, Any]], experiment.registry).get(kind, {})
    return shared | {name: (entry, f"{where}: registry.{kind}.{name}") for name, entry in own.items()}


@lru_cache
def _read_version(path: Path, changed: int) -> dict[str, Any]:
    """Read a registry file once for each time that it changed."""
    found = read_yaml(path)
    if not isinstance(found or {}, dict):
        raise SentError(f"{path}: expected names with their entries, found {type(found).__name__}")
    return found or {}


def entry(known: dict, kind: str, name: str, key: str, also: list[str] | None = None) -> Any:
    """Return the checked entry that ``key`` names, of all that are ``known`` (:func:`entries_of`, by kind).

    Raises :class:`SentError` with the nearest name, ``also`` counted in, where there is none.
    """
    if name not in known[kind]:
        hint = nearest(name, [*known[kind], *(also or [])])
        raise SentError(
            f"{key}: no {SINGULAR[kind]} is called '{name}' in {registry_file(kind)} or `registry`{hint}"
        )
    _, place = known[kind][name]
    parsed = parse(KINDS[kind], _whole(known[kind], kind, name), place)
    if not isinstance(parsed, Model):
        return parsed
    # Read here, so that a change of the file repeats what depends on it.
    return parsed.model_copy(update={"few_shot": examples_of(parsed, place)})


def _whole(entries: dict[str, tuple[Any, str]], kind: str, name: str, above: tuple[str, ...] = ()) -> Any:
    """The entry written out: what it says, laid over the entry that it starts `from`. A label is not passed on.

    A part of a method that is another function brings constants of its own. Raises :class:`SentError` where the other
    entry is unknown, no mapping, or starts from this one.
    """
    written, place = entries[name]
    if not isinstance(written, dict) or "from" not in written:
        return written
    start, chain = written["from"], (*above, name)
    if not isinstance(start, str) or start not in entries:
        raise SentError(
            f"{place}: 'from': no {SINGULAR[kind]} is called {start!r}{nearest(str(start), entries)}"
        )
    if start in chain:
        circle = " from ".join([*chain, start])
        raise SentError(f"{place}: 'from' goes in a circle ({circle}); write one of these entries out")
    base, own = _whole(entries, kind, start, chain), {k: v for k, v in written.items() if k != "from"}
    if not isinstance(base, dict):
        raise SentError(f"{place}: 'from': {start} holds no keys and values to start from")
    both = laid_over({key: value for key, value in base.items() if key != "label"}, own)
    for key, field in KINDS[kind].model_fields.items():
        if field.annotation is Part and key in own and _function(own[key]) != _function(base.get(key)):
            both[key] = own[key]
    return both


def _function(part: Any) -> Any:
    """The function that a part of a method names, as it is written: alone, or with its constants."""
    return next(iter(part), None) if isinstance(part, dict) else part

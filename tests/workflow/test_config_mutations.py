"""Settings that somebody mistyped: accepted with a meaning, or one error that names where; never a traceback."""

import copy
import json
import re
from pathlib import Path

import pytest
import yaml
from hostile import COUNT, Clock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sent.errors import SentError
from sent.experiment import load
from sent.registry import KINDS

CONFIG = Path(__file__).resolve().parents[2] / "config"
FILES = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in sorted(CONFIG.glob("*.yaml"))}
FILES["recorded"]["recorded"]["path"] = __file__  # has to exist
HOSTILE = [
    "../../x",
    "/etc/passwd",
    "$(touch x)",
    "'; touch x; '",
    "a b",
    "",
    "\0",
    "\ud800",
    "‮",
    "train",
    "base",
    "nli",
    "1e5",
    "nan",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, -1, 0, 2**31, 2**63]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(HOSTILE),
)
VALUES = st.recursive(
    SCALARS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3),
    max_leaves=4,
)
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def places(node, path: tuple = ()) -> list[tuple]:
    """The paths of all values in nested mappings and lists."""
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in parts for place in places(value, (*path, key)))]


def near(value) -> st.SearchStrategy:
    """Values that may well be meant."""
    if isinstance(value, int | float):
        return st.sampled_from([value + 1, value * 2, value / 2, value // 2, not value])
    return st.sampled_from([value[1:], value * 2]) if isinstance(value, str | list) else st.just(value)


@st.composite
def mutations(draw, name: str) -> tuple[dict, list]:
    """A shipped experiment, or one with an entry of a shipped registry as its own, with one to three changes."""
    if name not in KINDS:
        config = copy.deepcopy(FILES[name])
    else:
        entry = draw(st.sampled_from(sorted(FILES[name])))
        config = copy.deepcopy(FILES["smoke"]) | {
            "registry": {name: {"mine": copy.deepcopy(FILES[name][entry])}}
        }
        config[name] = [*config.get(name, []), "mine"]
    changes = []
    for _ in range(draw(st.integers(1, 3))):
        *above, key = draw(st.sampled_from(places(config)[1:]))
        node = config
        for part in above:
            node = node[part]
        kind = draw(st.sampled_from(["value", "near", "near", "remove", "rename", "add"]))
        changes.append((kind, *above, key))
        if kind == "value":
            node[key] = draw(VALUES)
        elif kind == "near":
            node[key] = draw(near(node[key]))
        elif kind == "remove":
            del node[key]
        elif isinstance(node, dict):
            node[draw(st.text(max_size=8))] = node.pop(key) if kind == "rename" else draw(VALUES)
    return config, changes


def outcome(config: dict) -> bool:
    """Whether a file is accepted. Fails where neither a meaning nor one error that says where comes of it."""
    try:
        experiment = load(config, "own.yaml")
    except SentError as error:
        for line in str(error).splitlines():
            assert re.match(r"(own\.yaml|\S*\.yaml: \S+)", line), f"does not say where: {line}"
        return False
    # What becomes part of a path or a word of a command is a plain name.
    for name in (
        experiment.name,
        *experiment.models,
        *experiment.methods,
        *experiment.benchmarks,
        *experiment.nli_models,
    ):
        assert WORD.fullmatch(name) and ".." not in name.split("/")
    # Every stage's settings and every entry reach their commands as JSON, and come back the same.
    for text in (experiment.json(), experiment.reported()):
        assert json.dumps(json.loads(text), sort_keys=True) == text
    return True


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_has_a_meaning_or_one_error(name):
    """Both come about, so that the search looks at both."""
    clock, outcomes = Clock(), set()

    @settings(
        max_examples=max(100, COUNT // 20),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutations(name))
    def tried(mutation):
        config, changes = mutation
        with clock.limit(changes):
            outcomes.add(outcome(config))

    tried()
    assert outcomes == {True, False}
    clock.report(f"config/{name}.yaml changed")

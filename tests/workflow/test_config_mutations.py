"""Settings that somebody mistyped: accepted with a meaning, or one error that names where; never a traceback."""

import copy
import json
import re
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sent.errors import SentError
from sent.experiment import load
from sent.registry import KINDS

CONFIG = Path(__file__).resolve().parents[2] / "config"
EXPERIMENTS = ("config", "smoke", "baselines", "paper")
FILES = {
    name: yaml.safe_load((CONFIG / f"{name}.yaml").read_text("utf-8")) for name in (*EXPERIMENTS, *KINDS)
}
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
def mutations(draw) -> tuple[dict, list]:
    """A shipped experiment, or one with shipped registry entries of its own, with one to three changes."""
    name = draw(st.sampled_from(list(FILES)))
    if name in EXPERIMENTS:
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


@settings(
    max_examples=1000, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(mutations())
def test_a_changed_file_has_a_meaning_or_one_error(mutation):
    config, _ = mutation
    try:
        experiment = load(config, "own.yaml")
    except SentError as error:
        for line in str(error).splitlines():
            assert re.match(r"(own\.yaml|\S*\.yaml: \S+)", line), f"does not say where: {line}"
        return
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


def test_mutations_are_of_both_kinds():
    """Neither everything is refused nor everything accepted: the search above looks at both."""
    outcomes = {True: 0, False: 0}

    @settings(
        max_examples=100,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutations())
    def count(mutation):
        try:
            load(mutation[0])
            outcomes[True] += 1
        except SentError:
            outcomes[False] += 1

    count()
    assert min(outcomes.values()) >= 10, outcomes

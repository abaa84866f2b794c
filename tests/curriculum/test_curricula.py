"""The curricula of config/curricula.yaml, each on the same six questions with stages worked out by hand."""

from pathlib import Path

import pytest
import yaml
from sent.config import Curriculum, parse
from sent.curriculum.arrange import curriculum
from sent.errors import SentError
from sent.experiment import load

CONFIG = Path(__file__).resolve().parents[2] / "config"
ENTRIES = yaml.safe_load((CONFIG / "curricula.yaml").read_text())

# name, semantic entropy, clusters, accuracy, mean tokens
QUESTIONS = [
    ("a", 0.0, 1, 1.0, 60.0),
    ("b", 0.0, 1, 0.0, 10.0),  # the same wrong answer every time
    ("c", 0.7, 2, 0.25, 50.0),
    ("d", 1.9, 8, 0.9, 20.0),
    ("e", 2.1, 9, 0.5, 40.0),
    ("f", 2.0, 7, 0.75, 30.0),
]
ROWS = [
    {
        "question_id": name,
        "semantic_entropy": entropy,
        "n_clusters": clusters,
        "accuracy": accuracy,
        "mean_tokens": tokens,
        "mean_token_nll": None,
    }
    for name, entropy, clusters, accuracy, tokens in QUESTIONS
]
STAGES = {
    "semantic_entropy": ("acd", "feb"),  # b is behind all others
    "zero_entropy": ("ba", "cdfe"),  # ties by length
    "value_2": ("bacdf", "e"),  # an end belongs to the lower stage
    "value_2_reversed": ("e", "fdcab"),
    "clusters": ("acf", "deb"),
    "pass_rate": ("adf", "ecb"),
    "response_length": ("dfe", "cab"),
    "rescored": ("acd", "feb"),
    "reverse": ("bef", "dca"),
    "adaptive_difficulty": ("adfecb",),
}


def stages(name: str) -> list[str]:
    settings = parse(Curriculum, ENTRIES[name], name)
    rows = curriculum(ROWS, settings)
    return [
        "".join(row["question_id"] for row in rows if row["stage"] == stage)
        for stage in range(1, settings.n_stages + 1)
    ]


@pytest.mark.parametrize("name", STAGES)
def test_stages_by_hand(name):
    assert tuple(stages(name)) == STAGES[name]


def test_controls_without_an_order():
    assert set(ENTRIES) - set(STAGES) == {"random_stages", "mixed"}
    drawn = stages("random_stages")
    assert [len(stage) for stage in drawn] == [3, 3] and tuple(drawn) != STAGES["semantic_entropy"]
    assert [sorted(stage) for stage in stages("mixed")] == [sorted("abcdef")]


def test_the_table_holds_the_score():
    rows = {row["question_id"]: row for row in curriculum(ROWS, Curriculum(score="error_rate"))}
    assert [rows[name]["score"] for name in "abcdef"] == pytest.approx([0, 1, 0.75, 0.1, 0.5, 0.25])
    blind = [row | {"accuracy": None} for row in ROWS]
    with pytest.raises(SentError, match=r"no error_rate; .*error_rate their verdicts"):
        curriculum(blind, Curriculum(score="error_rate", consistently_wrong="plain"))


def experiment(**changes) -> dict:
    return {
        "experiment": "trial",
        "models": ["nano-small"],
        "methods": ["grpo", "sent", "mine"],
        "data": {"train": {"generator": {"families": ["chain"]}}},
        "registry": {"methods": {"mine": {"curriculum": "pass_rate"}}},
        "semantic_entropy": {"entailment": "exact"},
        **changes,
    }


def test_an_experiment_makes_its_own_curricula_and_those_that_its_methods_follow():
    found = load(experiment(curricula=["mixed", "pass_rate"]))
    assert list(found.curricula) == ["mixed", "pass_rate", "semantic_entropy"]
    assert [found.stages("nano-small", method) for method in ("grpo", "sent", "mine")] == [1, 2, 2]
    evaluated = {"data": None, "methods": ["base"], "benchmarks": ["chain"], "registry": {}}
    assert load(experiment(**evaluated)).curricula == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"curricula": ["mixd"]},
            r"^config: 'curricula': no curriculum is called 'mixd'.*did you mean 'mixed'",
        ),
        (
            {"registry": {"methods": {"mine": {"curriculum": "passrate"}}}},
            r"^config: registry\.methods\.mine: 'curriculum': no curriculum .*'passrate'.*did you mean 'pass_rate'",
        ),
        ({"registry": {"methods": {"mine": {"curriculum": True}}}}, r"mine: 'curriculum'"),
        (
            {"registry": {"curricula": {"semantic_entropy": {"score": "hardness"}}, "methods": {"mine": {}}}},
            r"registry\.curricula\.semantic_entropy: 'score': .*'error_rate'.*found 'hardness'",
        ),
        ({"curriculum": {"n_stages": 3}}, r"unknown key 'curriculum'; did you mean 'curricula'"),
    ],
)
def test_mistakes_are_named(changes, message):
    with pytest.raises(SentError, match=message):
        load(experiment(**changes))


@pytest.mark.parametrize("other", [{"score": "n_clusters"}, {"n_stages": 2}, {"shuffle": False}])
def test_what_goes_with_a_target_of_difficulty(other):
    with pytest.raises(
        SentError, match="adaptive needs `score: error_rate`, `n_stages: 1` and `shuffle: true`"
    ):
        parse(Curriculum, ENTRIES["adaptive_difficulty"] | other, "mine")

"""The embedded questions are right, and training never sees a benchmark's question."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from sent.config import Generator, parse
from sent.data import arithmetic
from sent.errors import SentError
from sent.seeding import generator_of

CONFIG = Path(__file__).parents[2] / "config"
OPERATORS = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__, "/": int.__floordiv__}


def problems(count: int = 400):
    rng = generator_of("test")
    families, levels = list(arithmetic.FAMILIES), list(arithmetic.LEVELS)
    return [arithmetic.draw(rng, families, levels, "train") for _ in range(count)]


def test_every_step_is_true_and_the_last_gives_the_answer():
    for _, _, problem in problems():
        for step in problem.steps:
            left, sign, right, value = re.fullmatch(r"(\d+) (.) (\d+) = (\d+)", step).groups()
            assert OPERATORS[sign](int(left), int(right)) == int(value)
            assert sign != "/" or int(left) % int(right) == 0
        assert problem.steps[-1].endswith(f"= {problem.answer}")
        assert 0 <= problem.answer < 100


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("chain", "Compute 8 + 2 - 5."),
        ("product", "Compute 7 * 8."),
        ("sequence", "Find the next term of 4, 6, 8."),
    ],
)
def test_families_ask_what_they_are_named_for(family, expected):
    shape = re.sub(r"\d+", "N", re.sub(r"[+-]", "+", expected))
    level = 2 if family == "chain" else 1
    rng = generator_of("shape")
    found = {
        re.sub(r"\d+", "N", re.sub(r"[+-]", "+", arithmetic.FAMILIES[family](rng, level).question))
        for _ in range(20)
    }
    assert found == {shape}


def test_worked_examples_by_hand():
    problem = arithmetic.Problem("Compute 3 + 4 - 2.", ("3 + 4 = 7", "7 - 2 = 5"), 5)
    written = {arithmetic.worked_solution(generator_of("w", i), problem) for i in range(60)}
    assert "3 + 4 = 7, 7 - 2 = 5. Answer: \\boxed{5}" in written
    assert "First 3 + 4 = 7, then 7 - 2 = 5. So \\boxed{5.0}" in written
    assert "First 3 + 4 = 7, then 7 - 2 = 5. So \\boxed{$5$}" in written
    assert len(written) == 6


def test_guesses_are_right_as_often_as_asked_and_else_near():
    _, _, problem = problems(1)[0]
    rng = generator_of("guesses")
    values = [
        int(re.search(r"\{\$?(\d+)", arithmetic.quick_guess(rng, problem, 0.35)).group(1))
        for _ in range(2000)
    ]
    assert abs(sum(v == problem.answer for v in values) / 2000 - 0.35) < 0.04
    assert max(abs(v - problem.answer) for v in values) <= 11
    always = arithmetic.quick_guess(rng, problem, 1.0)
    assert f"{problem.answer}" in always


def test_questions_are_distinct_and_the_same_every_time():
    settings = Generator(families=["chain", "story"], count=100, seed=3)
    rows = arithmetic.generate(settings)
    assert rows == arithmetic.generate(settings)
    assert len({row["question"] for row in rows}) == len({row["question_id"] for row in rows}) == 100
    assert {row["group"].split("/")[0] for row in rows} == {"chain", "story"}
    assert rows != arithmetic.generate(Generator(families=["chain", "story"], count=100, seed=4))


def test_training_and_benchmarks_of_the_embedded_experiment_share_no_question():
    experiment = yaml.safe_load((CONFIG / "config.yaml").read_text())
    registry = yaml.safe_load((CONFIG / "benchmarks.yaml").read_text())
    train = arithmetic.generate(parse(Generator, experiment["data"]["train"]["generator"], "train"))
    asked = {row["question"] for row in train}
    for name in experiment["benchmarks"]:
        rows = arithmetic.generate(parse(Generator, registry[name]["source"]["generator"], name))
        assert len(rows) == registry[name]["source"]["generator"]["count"]
        assert not asked & {row["question"] for row in rows}


def test_pretraining_never_draws_a_benchmark_s_question():
    assert all(arithmetic.split_of(problem.question) == "train" for _, _, problem in problems())


def test_unknown_families_and_levels_and_too_many_questions_are_errors():
    with pytest.raises(SentError, match="unknown problem family 'chains'; did you mean 'chain'"):
        arithmetic.generate(Generator(families=["chains"]))
    with pytest.raises(SentError, match="unknown difficulty level 9"):
        arithmetic.generate(Generator(families=["chain"], levels=[9]))
    with pytest.raises(SentError, match="level 4; family 'sequence' has 1 to 3"):
        arithmetic.generate(Generator(families=["chain", "sequence"], levels=[4]))
    with pytest.raises(SentError, match=r"found only .* distinct questions of the 500 asked for"):
        arithmetic.generate(Generator(families=["product"], levels=[1], count=500))


def test_a_pick_is_what_numpy_would_choose():
    ours, theirs = (np.random.default_rng(3) for _ in range(2))
    for options in (("a", "b", "c"), [5], [-10, -2, -1, 1, 2, 10]) * 20:
        assert arithmetic.pick(ours, options) == theirs.choice(options)

"""The grader as callers use it: verdicts, policies, cache, cost."""

import subprocess
import sys

import pytest
from sent.config import Grading
from sent.errors import SentError
from sent.grading.grader import Gold, Grade, Grader


def test_every_kind_of_response_has_its_verdict(grader):
    items = [
        ("5", r"\boxed{5}", "stop"),
        ("5", r"\boxed{6}", "stop"),
        ("5", "It is five.", "stop"),
        ("5", "It is fi", "length"),
        ("5", r"\boxed{5} and so on", "length"),
        ("025", r"\boxed{25}", "unknown"),
    ]
    assert grader.grade(items) == [
        Grade("5", "correct", True),
        Grade("6", "wrong", False),
        Grade(None, "no_answer", False),
        Grade(None, "truncated", False),
        Grade("5", "correct", True),
        Grade("25", "correct", False),
    ]


def test_nothing_is_no_answer(grader):
    pairs = [("5", None), ("5", ""), ("5", "  "), ("5", r"\boxed{}")]
    assert {grade.verdict for grade in grader.grade_answers(pairs)} == {"no_answer"}


def test_several_golds_are_all_asked_for(grader):
    pairs = [(["2", "3"], "3, 2"), (["2", "3"], "2"), (["(1,2)", "(3,4)"], "(3,4), (1,2)"), (["7"], "7")]
    assert [g.verdict for g in grader.grade_answers(pairs)] == ["correct", "wrong", "correct", "correct"]


def test_an_empty_gold_is_an_error(grader):
    with pytest.raises(SentError, match="gold answer is empty"):
        grader.grade([("", r"\boxed{5}", "stop")])


def graded(gold, answer, **settings):
    with Grader(Grading(**settings)) as grader:
        return grader.grade_answers([(gold, answer)])[0].verdict == "correct"


@pytest.mark.parametrize(
    ("gold", "answer", "either", "value", "sign"),
    [
        ("50", r"50\%", True, False, True),
        ("0.5", r"50\%", True, True, False),
        (r"50\%", "0.5", True, True, False),
    ],
)
def test_percent_policies(gold, answer, either, value, sign):
    found = [graded(gold, answer, percent=policy) for policy in ("either", "value", "sign")]
    assert found == [either, value, sign]


@pytest.mark.parametrize(
    ("gold", "answer", "optional", "ignore", "required"),
    [
        (r"5 \text{ cm}", "5", True, True, False),
        (r"5 \text{ cm}", r"5 \text{ m}", False, True, False),
        (r"5 \text{ cm}", "5 centimeters", True, True, True),
        ("5", "5 cm", True, True, True),
    ],
)
def test_unit_policies(gold, answer, optional, ignore, required):
    found = [graded(gold, answer, units=policy) for policy in ("optional", "ignore", "required")]
    assert found == [optional, ignore, required]


@pytest.mark.parametrize(
    ("gold", "answer", "notation", "ignore", "strict"),
    [
        ("1,2", "2,1", True, True, False),
        ("(1,2)", "(2,1)", False, True, False),
        (r"\{1,2\}", r"\{2,1\}", True, True, True),
        ("[1,2)", "[2,1)", False, False, False),
    ],
)
def test_order_policies(gold, answer, notation, ignore, strict):
    found = [graded(gold, answer, order=policy) for policy in ("notation", "ignore", "strict")]
    assert found == [notation, ignore, strict]


def test_phrases_and_unclosed_thinking_follow_the_settings():
    items = [("42", "The answer is 42.", "stop"), ("7", r"<think> \boxed{7} but", "length")]
    with Grader(Grading()) as grader:
        assert [g.verdict for g in grader.grade(items)] == ["no_answer", "truncated"]
    with Grader(Grading(fallback_phrases=["answer is"], read_unclosed_thinking=True)) as grader:
        assert [g.verdict for g in grader.grade(items)] == ["correct", "correct"]


def test_an_answer_that_is_too_long_is_wrong_unread():
    assert not graded("3", "3" + " " * 100 + "+0", max_answer_chars=50)
    assert graded("3", "3" + " " * 100 + "+0")


def test_decisions_are_remembered_and_workers_start_only_when_needed(monkeypatch):
    asked = []
    with Grader(Grading()) as grader:
        monkeypatch.setattr(
            grader, "_ask_workers", lambda pairs: asked.extend(pairs) or ["wrong"] * len(pairs)
        )
        grader.grade([("5", r"\boxed{6}", "stop"), (r"\frac{\sqrt{2}}{2}", r"\boxed{2^{-1/2}}", "stop")])
        assert asked == []
        for _ in range(3):
            grader.grade([("1", r"\boxed{\int_0^1 2x\,dx}", "stop")] * 2)
        assert asked == [(Gold("1"), r"\int_0^1 2x\,dx")]
        assert grader._workers is None


def test_the_fast_path_imports_no_algebra():
    code = (
        "import sys; from sent.config import Grading; from sent.grading.grader import Grader\n"
        "with Grader(Grading()) as g: g.grade([('5', r'\\boxed{5}', 'stop'), ('x^2', r'\\boxed{x+1}', 'stop')])\n"
        "print([m for m in ('torch', 'sympy', 'math_verify', 'numpy') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"

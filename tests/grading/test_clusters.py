"""Answers that are right as each other's gold answers share a cluster; its entropy is counted by hand."""

import math

import pytest
from sent.config import Grading
from sent.grading.clusters import clusters, entropy
from sent.grading.grader import Grader


@pytest.fixture(scope="module")
def grader():
    with Grader(Grading()) as grader:
        yield grader


def test_answers_are_numbered_by_first_appearance_question_by_question(grader):
    questions = [
        ["1/2", "3", "0.5", None, "3.0", "\\frac{1}{2}"],
        ["7"],
        [],
        [None, ""],
        ["x+1", "1+x", "x-1"],
    ]
    assert clusters(questions, grader) == [[0, 1, 0, -1, 1, 0], [0], [], [-1, -1], [0, 0, 1]]


def test_a_cluster_is_kept_by_its_first_answer():
    """Both directions must hold: what is right for a gold with a unit need not hold the other way round."""

    class OneWay:
        def grade_answers(self, pairs):
            right = {("a", "b"), ("b", "a"), ("a", "c")}
            verdicts = ["correct" if pair in right else "wrong" for pair in pairs]
            return [type("Grade", (), {"verdict": verdict}) for verdict in verdicts]

    assert clusters([["a", "b", "c", "b"]], OneWay()) == [[0, 0, 1, 0]]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([0, 0, 0], 0.0),
        ([], 0.0),
        ([-1, -1], 0.0),
        ([0, 1], math.log(2)),
        ([0, 0, 1, -1], math.log(3) - 2 / 3 * math.log(2)),
        ([2, 1, 0, 3], math.log(4)),
    ],
)
def test_entropy_counts_answers_only(labels, expected):
    assert entropy(labels) == pytest.approx(expected, abs=1e-15)
    assert math.copysign(1, entropy(labels)) == 1  # no negative zero in tables

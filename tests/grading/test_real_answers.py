"""Real gold answers and real solutions."""

import itertools
import json
import time

import pytest
from sent.grading.grader import Grader

BENCHMARKS = ("aime24", "aime25", "amc23", "math500", "olympiadbench", "minerva")


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_case_of_the_shared_table(shared_data, grader):
    missed = []
    for case in rows(shared_data / "grading_cases.jsonl"):
        if case["kind"] == "answer":
            grade = grader.grade_answers([(case["gold"], case["prediction"])])[0]
        else:
            grade = grader.grade([(case["gold"], case["prediction"], "stop")])[0]
        if (grade.verdict == "correct") != case["expected"]:
            missed.append((case["id"], grade))
    assert missed == []


@pytest.mark.parametrize("name", BENCHMARKS)
def test_no_gold_fails_against_itself_however_it_is_wrapped(shared_data, grader, name):
    golds = [row["answer"] for row in rows(shared_data / "benchmarks" / f"{name}.jsonl")]
    for wrapped in ("{}", " {} ", "{}."):
        grades = grader.grade([(gold, rf"So \boxed{{{wrapped.format(gold)}}}.", "stop") for gold in golds])
        assert [gold for gold, grade in zip(golds, grades, strict=True) if grade.verdict != "correct"] == []
    raw = [row["meta"].get("raw_answer") for row in rows(shared_data / "benchmarks" / f"{name}.jsonl")]
    pairs = [(gold, str(text)) for gold, text in zip(golds, raw, strict=True) if text is not None]
    assert [
        p for p, g in zip(pairs, grader.grade_answers(pairs), strict=True) if g.verdict != "correct"
    ] == []


def test_different_golds_are_hardly_ever_equal(shared_data, grader):
    """Neighbours in a benchmark have different answers, but for one pair."""
    golds = [row["answer"] for row in rows(shared_data / "benchmarks" / "math500.jsonl")]
    pairs = [(a, b) for a, b in itertools.pairwise(golds) if a != b]
    grades = grader.grade_answers(pairs)
    equal = [pair for pair, grade in zip(pairs, grades, strict=True) if grade.verdict == "correct"]
    assert equal == [("5", "x=5")]


def test_recorded_solutions_get_the_recorded_verdicts_fast(shared_data, grader):
    samples = rows(shared_data / "samples" / "math_cot_100.jsonl")
    items = [(row["gt"], solution, "stop") for row in samples for solution in row["code"]]
    recorded = [score for row in samples for score in row["score"]]
    verdicts = [grade.verdict == "correct" for grade in grader.grade(items)]
    assert sum(ours == theirs for ours, theirs in zip(verdicts, recorded, strict=True)) >= 799
    start = time.process_time()
    for _ in range(10):
        grader.grade(items)
    assert 10 * len(items) / (time.process_time() - start) > 5000


def test_most_real_answers_need_no_worker(shared_data, monkeypatch, grader):
    asked = []
    fresh = Grader(grader.settings)
    monkeypatch.setattr(fresh, "_ask_workers", lambda pairs: asked.extend(pairs) or ["wrong"] * len(pairs))
    samples = rows(shared_data / "samples" / "math_cot_100.jsonl")
    fresh.grade([(row["gt"], solution, "stop") for row in samples for solution in row["code"]])
    assert len(asked) <= 3

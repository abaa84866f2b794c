"""Hundreds of answers by category, each with the verdict that a mathematician would give."""

import csv
from pathlib import Path

import pytest

TABLE = Path(__file__).with_name("answers.tsv")


def rows_by_category() -> dict[str, list[dict]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {
        category: [r for r in rows if r["category"] == category] for category in {r["category"] for r in rows}
    }


@pytest.mark.parametrize("category", sorted(rows_by_category()))
def test_every_answer_of_the_table_gets_its_verdict(grader, category):
    rows = rows_by_category()[category]
    assert len(rows) >= 20 and {row["verdict"] for row in rows} >= (
        {"wrong"} if category == "malicious" else {"correct", "wrong"}
    )
    grades = grader.grade_answers([(row["gold"], row["answer"]) for row in rows])
    right = {"wrong": {"wrong", "no_answer", "timeout", "error"}, "correct": {"correct"}}
    missed = [
        (row["gold"], row["answer"], grade.verdict)
        for row, grade in zip(rows, grades, strict=True)
        if grade.verdict not in right[row["verdict"]]
    ]
    assert missed == []

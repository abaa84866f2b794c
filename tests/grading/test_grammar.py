"""Every row of the table in docs/grading_grammar.md is true."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "grading_grammar.md"
ROW = re.compile(r"\| (.+?) \| `(.+?)` \| `(.+?)` \| `(.+?)` \| (.+?) \|")
ROWS = [
    [cell.replace(r"\|", "|") for cell in ROW.fullmatch(line).groups()]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| read ")
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_of_the_grammar_is_true(grader, row):
    _, gold, same, other, rule = row
    equal, different = grader.grade_answers([(gold, same), (gold, other)])
    assert (equal.verdict, different.verdict) == ("correct", "wrong")
    assert equal.reason == rule

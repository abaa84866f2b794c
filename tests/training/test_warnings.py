"""Training that goes nowhere is told once it has gone nowhere for ten steps."""

import pytest
from sent.training.warnings import STEPS, warnings

GOOD = {"reward": 0.5, "accuracy": 0.5, "flat_groups": 0.2, "no_answer_share": 0.1, "truncated_share": 0.1}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"reward": 0.0, "accuracy": 0.0, "flat_groups": 1.0}, "no response of the last 10 steps was right"),
        ({"reward": 0.0, "accuracy": 0.0, "flat_groups": 1.0}, "was right, so nothing is learnt: read"),
        ({"reward": -0.2, "accuracy": 0.0}, "no response of the last 10 steps was right: read"),
        ({"reward": 1.0, "accuracy": 1.0, "flat_groups": 1.0}, "no advantage differed from 0"),
        ({"no_answer_share": 0.31}, "no answer was found in 31%"),
        ({"truncated_share": 0.5}, "50% of the responses were cut off"),
    ],
)
def test_what_ten_steps_in_a_row_show(change, words):
    bad = {**GOOD, **change}
    found = warnings([GOOD] + [bad] * STEPS, "m")
    assert [words in sentence for sentence in found] == ([True] if words else [])
    assert all(sentence.startswith("m: ") and "docs/troubleshooting.md" in sentence for sentence in found)
    assert warnings([bad] * (STEPS - 1)) == []
    assert warnings([bad] * (STEPS - 1) + [GOOD]) == []

"""Training that goes nowhere is told once it has gone nowhere for ten steps."""

import pytest
from sent.training.warnings import STEPS, warn, warnings

GOOD = {
    "reward": 0.5, "accuracy": 0.5, "flat_groups": 0.2, "no_answer_share": 0.1, "truncated_share": 0.1,
    "entropy": 0.3, "importance_far_share": 0.001,
}  # fmt: skip


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
        ({"entropy": 0.019}, "the entropy of tokens stayed below 0.02 nats for 10 steps"),
        ({"importance_far_share": 0.011}, "by more than a factor of two on 1.1% of the tokens"),
    ],
)
def test_what_ten_steps_in_a_row_show(change, words):
    bad = {**GOOD, **change}
    found = warnings([GOOD] + [bad] * STEPS, "m")
    assert [words in sentence for sentence in found] == ([True] if words else [])
    assert all(sentence.startswith("m: ") and "docs/troubleshooting.md" in sentence for sentence in found)
    assert warnings([bad] * (STEPS - 1)) == []
    assert warnings([bad] * (STEPS - 1) + [GOOD]) == []


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [(0.001, 0.0031, True), (0.001, 0.0029, False), (1e-7, 1e-4, False), (0.004, 0.004, False)],
)
def test_a_gap_that_rises_is_told_before_it_stops_training(start, end, told):
    rows = [{**GOOD, "sampler_gap": start}] * STEPS + [{**GOOD, "sampler_gap": end}] * STEPS
    found = warnings(rows)
    assert [f"rose from {start:.4f} to {end:.4f} nats" in sentence for sentence in found] == [True] * told
    assert warnings(rows[STEPS:]) == []


def test_each_warning_is_logged_once_whatever_its_numbers(caplog):
    said = set()
    rows = [{**GOOD, "truncated_share": 0.4 + k / 1000} for k in range(30)]
    for k in range(1, 31):
        warn(rows[:k], said)
    assert [r.getMessage().count("were cut off") for r in caplog.records] == [1]
    warn([{**row, "entropy": 0.0} for row in rows], said)
    assert len(caplog.records) == 2 and "stayed below" in caplog.records[1].getMessage()

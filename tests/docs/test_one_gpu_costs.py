"""The costs on docs/one_gpu.md are those that `python -m sent plan` gives."""

import json
import re
from pathlib import Path

import pytest
from sent.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "one_gpu.md").read_text()
CARDS = {"RTX 4090, 24 GB": "rtx4090-24gb", "L4, 24 GB": "l4-24gb", "RTX 3060, 12 GB": "rtx3060-12gb"}
ROWS = re.findall(
    r"^\| `(gsm8k\w*)` \| ([^|]+) \| ([\d.]+) of ([\d.]+) GiB \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE
)
"""Experiment, card, GiB in training and those that there are, time of a method and of everything."""


@pytest.fixture
def plan(capsys, monkeypatch):
    def plan(experiment, gpu, *options):
        monkeypatch.chdir(ROOT)
        options = ["--gpu", gpu, "--results", "nowhere", "--json", *options]
        assert main(["plan", "--configfile", f"config/{experiment}.yaml", *options]) == 0
        planned = json.loads(capsys.readouterr().out)
        (training,) = [row for row in planned["rules"] if row["rule"] == "train"]
        return planned, [training["longest_seconds"], planned["wall_clock"]["seconds"]]

    return plan


def seconds(text):
    return [
        float(number) * {"min": 60, "h": 3600}[unit]
        for number, unit in re.findall(r"([\d.]+) (min|h)\b", text)
    ]


def test_all_experiments_are_on_the_page():
    assert [row[0] for row in ROWS] == ["gsm8k", "gsm8k", "gsm8k_lora"]


@pytest.mark.parametrize(("experiment", "card", "peak", "room", "method", "everything"), ROWS)
def test_memory_and_time(experiment, card, peak, room, method, everything, plan):
    planned, times = plan(experiment, CARDS[card])
    (model,) = planned["models"].values()
    assert [float(peak), float(room)] == pytest.approx(
        [model["peak"]["bytes"] / 2**30, model["peak"]["room"] / 2**30], abs=0.06
    )
    written = [seconds(method), seconds(everything)]
    assert [first for first, *_ in written] == pytest.approx(times, rel=0.02)
    if len(written[0]) > 1:  # at 200 tokens, 0.4 of the limit
        _, shorter = plan(experiment, CARDS[card], "--length-share", "0.4")
        assert [last for *_, last in written] == pytest.approx(shorter, rel=0.03)


def test_disk(plan):
    (results, checkpoints) = re.search(
        r"(\d+) GB of results, and up to (\d+) GB of checkpoints", PAGE
    ).groups()
    total = plan("gsm8k", "rtx4090-24gb")[0]["total"]
    assert [float(results), float(checkpoints)] == pytest.approx(
        [total["disk"] / 1e9, total["checkpoints"] / 1e9], rel=0.05
    )

"""The costs on docs/reproduce_paper.md are those that `python -m sent plan` gives."""

import json
import re
from pathlib import Path

import pytest
from sent.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reproduce_paper.md").read_text()


def number(text: str) -> float:
    return float(text.replace(",", ""))


def plan(capsys, monkeypatch, *options):
    monkeypatch.chdir(ROOT)
    assert (
        main(["plan", "--configfile", "config/paper.yaml", "--results", "nowhere", "--json", *options]) == 0
    )
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def planned(capsys, monkeypatch):
    return plan(capsys, monkeypatch)


def test_gpu_hours_by_rule_and_model(planned):
    rows = re.findall(r"^\| `(\w+)` \| ([\d.,]+) \| ([\d.,]+) \| ([\d.,]+) \|$", PAGE, re.MULTILINE)
    assert [rule for rule, *_ in rows] == ["sample", "train", "evaluate"]
    models = list(dict.fromkeys(row["model"] for row in planned["rules"] if row["rule"] == "train"))
    for rule, *hours in rows:
        for model, hour in zip(models, hours, strict=True):
            exact = sum(
                row["gpu_hours"] for row in planned["rules"] if (row["rule"], row["model"]) == (rule, model)
            )
            assert number(hour) == pytest.approx(exact, rel=0.02), (rule, model)


def test_sums(planned):
    total, disk = re.search(r"That is ([\d,]+) GPU-hours and ([\d.]+) TB", PAGE).groups()
    assert number(total) == pytest.approx(planned["total"]["gpu_hours"], rel=0.02)
    assert number(disk) == pytest.approx(planned["total"]["disk"] / 1e12, rel=0.05)
    (checkpoints,) = re.findall(r"up to ([\d.]+) TB of checkpoints", PAGE)
    assert number(checkpoints) == pytest.approx(planned["total"]["checkpoints"] / 1e12, rel=0.05)


def test_shorter_responses(capsys, monkeypatch):
    (hours,) = re.findall(r"`--length-share 0.5`\) would cost ([\d,]+) GPU-hours", PAGE)
    half = plan(capsys, monkeypatch, "--length-share", "0.5")
    assert number(hours) == pytest.approx(half["total"]["gpu_hours"], rel=0.02)


def test_costs_of_the_steps(planned):
    """The base models' evaluation, sampling for the curriculum, and two of eight methods on the smallest model."""
    models = {row["model"]: 0 for row in planned["rules"] if row["rule"] == "train"}

    def hours(rule, share, *names):
        rows = [row for row in planned["rules"] if row["rule"] == rule and row["model"] in (names or models)]
        return pytest.approx(share * sum(row["gpu_hours"] for row in rows), abs=1)

    smallest, *_, largest = models
    base, of_largest = re.search(r"([\d,]+) GPU-hours, ([\d,]+) of them for Qwen3-14B", PAGE).groups()
    assert (number(base), number(of_largest)) == (hours("evaluate", 1 / 9), hours("evaluate", 1 / 9, largest))
    (sampling,) = re.findall(r"\((\d+) GPU-hours, nearly all of it sampling", PAGE)
    assert number(sampling) == hours("sample", 1)
    training, evaluation = re.search(r"\((\d+) GPU-hours of training, (\d+) of evaluation\)", PAGE).groups()
    assert (number(training), number(evaluation)) == (
        hours("train", 2 / 8, smallest),
        hours("evaluate", 2 / 9, smallest),
    )

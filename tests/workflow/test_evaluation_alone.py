"""The page's example: a policy that this workflow did not train, evaluated without training questions."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from sent import tables
from sent.experiment import load

ROOT = Path(__file__).resolve().parents[2]


def example() -> dict:
    page = (ROOT / "docs/sampling.md").read_text()
    return yaml.safe_load(re.search(r"```yaml\n(experiment: mine.*?)```", page, re.DOTALL)[1])


@pytest.mark.parametrize("path", ["config/baselines.yaml"])
def test_shipped_experiments_without_training_load(path):
    found = load(yaml.safe_load((ROOT / path).read_text()))
    assert found.sampled == [] and found.trained == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_foreign_policy_is_evaluated_and_asked_only_what_is_new(tmp_path, boxing_policy):
    config = example()
    config["evaluation"] = {"n": 4, "pass_at": [1, 4], "decoding": {"max_new_tokens": 8}}
    config["registry"]["models"]["mine"] = {
        "path": str(boxing_policy), "chat": False, "prompt": "{question}", "dtype": "float32",
    }  # fmt: skip
    config["registry"]["benchmarks"]["riddles"] = {"source": {"path": "riddles.jsonl"}}
    (tmp_path / "quiz.jsonl").write_text('{"question": "what is 2 + 2 ?", "answer": "4.2"}\n')
    (tmp_path / "riddles.jsonl").write_text('{"question": "what is 3 + 3 ?", "answer": "6"}\n')
    folder = tmp_path / "results/mine/evaluation/mine/base/seed0"
    log = tmp_path / "results/mine/logs/evaluation/mine/base/seed0/sample.log"

    assert run(tmp_path, config) == {
        *("prepare_model", "read_benchmark", "evaluate", "grade_responses", "build_database")
    }
    first = tables.rows(folder / "responses.parquet", tables.RESPONSES)
    assert [row["benchmark"] for row in first] == ["quiz"] * 4
    assert "4 responses to 1 benchmarks, 4 to sample" in log.read_text()

    config["benchmarks"] = ["quiz", "riddles"]
    assert run(tmp_path, config) == {"read_benchmark", "evaluate", "grade_responses", "build_database"}
    both = tables.rows(folder / "responses.parquet", tables.RESPONSES)
    assert both[:4] == first and len(both) == 8
    assert "8 responses to 2 benchmarks, 4 to sample" in log.read_text()
    answers = [row["extracted"] for row in tables.rows(folder / "verdicts.parquet")]
    assert "correct" not in {row["verdict"] for row in tables.rows(folder / "verdicts.parquet")}

    config["evaluation"]["grading"] = {"absolute_tolerance": 0.3}
    assert run(tmp_path, config) == {"grade_responses", "build_database"}
    verdicts = [row["verdict"] for row in tables.rows(folder / "verdicts.parquet", tables.RESPONSE_VERDICTS)]
    assert [verdict == "correct" for verdict in verdicts] == [
        answer == "4" and number < 4 for number, answer in enumerate(answers)
    ]
    assert "correct" in verdicts


def run(folder: Path, config: dict) -> set[str]:
    """Build the database of an experiment by Snakemake; return the rules that ran."""
    (folder / "mine.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "results/mine/results.duckdb", "--cores", "2"]
    command += ["--snakefile", str(ROOT / "Snakefile"), "--configfile", "mine.yaml"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return set(re.findall(r"^(\w+) +\d+$", done.stdout + done.stderr, re.MULTILINE)) - {"total"}

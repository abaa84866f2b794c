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
def test_a_foreign_policy_is_evaluated(tmp_path, boxing_policy):
    config = example()
    config["evaluation"] = {"n": 4, "pass_at": [1, 4], "decoding": {"max_new_tokens": 8}}
    config["registry"]["models"]["mine"] = {
        "path": str(boxing_policy), "chat": False, "prompt": "{question}", "dtype": "float32",
    }  # fmt: skip
    (tmp_path / "quiz.jsonl").write_text('{"question": "what is 2 + 2 ?", "answer": "4"}\n')
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "results/mine/results.duckdb", "--cores", "2"]
    command += ["--snakefile", str(ROOT / "Snakefile"), "--configfile", "mine.yaml"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    rules = set(re.findall(r"^(\w+) +\d+$", run.stdout + run.stderr, re.MULTILINE)) - {"total"}
    assert rules == {"prepare_model", "read_benchmark", "evaluate", "build_database"}
    rows = tables.rows(tmp_path / "results/mine/evaluation/mine/base/seed0.parquet", tables.RESPONSES)
    assert [row["benchmark"] for row in rows] == ["quiz"] * 4

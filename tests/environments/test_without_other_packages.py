"""Sampling, semantic entropy and training work on a machine without snakemake, duckdb, math-verify and vLLM."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sent import tables
from sent.code_version import PACKAGE

ABSENT = ("snakemake", "duckdb", "math_verify", "vllm")
STAGES = ("sampling", "semantic_entropy", "curriculum", "training")
TRAINING_TESTS = Path(__file__).parents[1] / "training"


@pytest.fixture
def without(tmp_path):
    """A function that runs Python where the packages cannot be imported, in worker processes neither."""
    absent = tmp_path / "absent"
    absent.mkdir()
    for name in ABSENT:
        (absent / f"{name}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{name}'\")\n")
    path = os.pathsep.join([str(absent), str(PACKAGE.parent), str(TRAINING_TESTS)])

    def run(*arguments):
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    return run


@pytest.mark.slow
def test_every_module_can_be_imported(without):
    modules = sorted(
        ".".join(["sent", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
        for stage in STAGES
        for path in (PACKAGE / stage).rglob("*.py")
    )
    lines = [f"import {name}" for name in modules]
    done = without("-c", "\n".join(lines))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_entropy_of_own_samples(without, tmp_path):
    row = {"question": "1 + 1?", "responses": ["It is \\boxed{2}.", "\\boxed{2}", "\\boxed{3}", "\\boxed{2}"]}
    (tmp_path / "samples.jsonl").write_text(json.dumps(row) + "\n")
    command = ("-m", "sent", "semantic-entropy", "samples.jsonl", "--entailment", "exact")
    done = without(*command)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["clusters"] == [0, 0, 1, 0]


@pytest.mark.slow
def test_grades(without, tmp_path):
    """What is compared as text, as a number or as a formula needs no math-verify."""
    rows = [
        {"gold": "\\frac{3}{2}", "prediction": "1.5"},
        {"gold": "4", "prediction": "5"},
        {"gold": "x + 1", "prediction": "1 + x"},
    ]
    (tmp_path / "probe.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = without("-m", "sent", "grade", "probe.jsonl")
    assert done.returncode == 0, done.stderr
    verdicts = [json.loads(line)["verdict"] for line in done.stdout.splitlines()]
    assert verdicts == ["correct", "wrong", "correct"]


TRAIN = """
import sys
from pathlib import Path
from jobs import CoinGrader, arguments
from sent import tables
from sent.config import Generator
from sent.data.arithmetic import generate
from sent.grading import grader
from sent.training import stage
from tiny import save_embedded

work = Path.cwd()
rows = generate(Generator(families=["chain"], levels=[1], count=10))
save_embedded(work / "model")
tables.write(work / "questions.parquet", tables.table(tables.QUESTIONS, rows))
if "coin" in sys.argv:
    grader.Grader = CoinGrader
stage.train_stage(arguments(work, work / "out", steps=1))
"""


@pytest.mark.slow
def test_a_step_of_training(without, tmp_path):
    done = without("-c", TRAIN, "coin")
    assert done.returncode == 0, done.stderr
    (row,) = tables.rows(tmp_path / "out" / "metrics.parquet")
    assert row["grad_norm"] > 0

"""Real responses through the whole workflow: verdicts, clusters and semantic entropy as counted independently."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sent import tables

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
FIELDS = "fields: {answer: gt, responses: code, correct: score}"


@pytest.fixture(scope="module")
def results(shared_data, tmp_path_factory) -> Path:
    work = tmp_path_factory.mktemp("recorded")
    path = shared_data / "samples" / "math_cot_100.jsonl"
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--configfile", str(ROOT / "config" / "recorded.yaml"), "--directory", str(work)]
    command += ["--config", f"recorded={{path: {path}, {FIELDS}}}"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    run = subprocess.run(command, env=environment, cwd=work, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return work / "results" / "recorded"


def test_verdicts_agree_with_the_recorded_ones(results):
    samples = tables.rows(results / "samples" / "recorded.parquet", tables.SAMPLES)
    recorded = {(row["question_id"], row["sample"]): row["recorded_correct"] for row in samples}
    verdicts = tables.rows(results / "verdicts" / "recorded.parquet", tables.VERDICTS)
    same = [recorded[row["question_id"], row["sample"]] == (row["verdict"] == "correct") for row in verdicts]
    assert len(same) == 800
    assert sum(same) >= 795


def test_clusters_and_entropy_are_those_counted_by_hand(results):
    rows = tables.rows(results / "semantic_entropy" / "recorded.parquet", tables.SEMANTIC_ENTROPY)
    clusters = Counter(row["n_clusters"] for row in rows)
    assert [clusters[k] for k in range(1, 8)] == [88, 5, 2, 1, 2, 1, 1]
    assert sum(row["semantic_entropy"] for row in rows) / len(rows) == pytest.approx(0.124, abs=0.005)


def test_what_is_made_from_them(results):
    assert (
        len(tables.rows(results / "curriculum" / "recorded" / "semantic_entropy.parquet", tables.CURRICULUM))
        == 100
    )
    assert (results / "results.duckdb").is_file()
    assert (results / "report.html").is_file()

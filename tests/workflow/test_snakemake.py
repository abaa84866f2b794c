"""The workflow as Snakemake sees it: experiments that plan, errors in one message, clean lint, the graph."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SOFTWARE = {"apptainer": "container", "conda": "conda"}
"""Directives by which rules get their software, by the catalog's words."""


def snakemake(*arguments, folder: Path = ROOT) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), *arguments]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def counts(run: subprocess.CompletedProcess) -> dict[str, int]:
    assert run.returncode == 0, run.stdout
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", run.stdout, re.MULTILINE)}


@pytest.mark.slow
def test_the_paper_experiment_plans(tmp_path):
    run = snakemake("-n", "--configfile", str(ROOT / "config/paper.yaml"), "--directory", str(tmp_path))
    plan = counts(run)
    # 3 models; 8 methods, of which sent and high_en train in two stages; base is only evaluated.
    assert plan["train"] == 3 * (6 + 2 * 2)
    assert plan["evaluate"] == 3 * 9
    assert plan["sample"] == 3 * 8
    assert plan["read_benchmark"] == 6


@pytest.mark.slow
def test_recorded_responses_need_no_model(tmp_path):
    (tmp_path / "mine.jsonl").write_text('{"question": "1+1", "answer": "2", "responses": ["2"]}\n')
    run = snakemake(
        "-n",
        *("--configfile", str(ROOT / "config/recorded.yaml"), "--directory", str(tmp_path)),
        *("--config", "recorded={path: mine.jsonl}"),
        folder=tmp_path,
    )
    assert {"import_samples", "grade", "measure_semantic_entropy", "sort_questions"} < counts(run).keys()
    assert not {"prepare_model", "sample", "train", "evaluate"} & counts(run).keys()


@pytest.mark.slow
def test_a_mistake_is_one_message():
    run = snakemake("-n", "--config", "methods=[base, grop]")
    assert run.returncode != 0
    assert "did you mean 'grpo'?" in run.stdout
    assert "Traceback" not in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("training: {lr: 1.0e-4}", "partial.yaml: 'experiment': Field required"),
        ("experiment: a", "`models` is empty; name one policy or more"),
        (
            "experiment: a\nmodels: [nano-small]\nmodels: [nano-large]",
            "'models' is there twice, again in line 3",
        ),
    ],
)
def test_a_file_that_would_mean_something_else_is_refused(text, said, tmp_path):
    (tmp_path / "partial.yaml").write_text(text)
    run = snakemake("-n", "--configfile", "partial.yaml", folder=tmp_path)
    assert run.returncode != 0
    assert said in " ".join(run.stdout.split())
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_a_failed_stage_shows_its_message(tmp_path):
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "config.yaml").write_text(
        "{experiment: trial, models: [nano-smoke], data: {train: {path: empty.jsonl}}}"
    )
    arguments = ("--cores", "1", "--configfile", str(tmp_path / "config.yaml"), "--directory", str(tmp_path))
    run = snakemake("data", *arguments)
    assert run.returncode != 0
    assert "error: empty.jsonl: is empty" in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "available", "message"),
    [
        ("training", 2, "asks for 4 GPUs, but the limit is 2"),
        ("sampling", 0, "asks for 1 GPU, but the limit is 0"),
        (
            "results/paper/evaluation/qwen3-14b/base/seed0/responses.parquet",
            0,
            "asks for 1 GPU, but the limit is 0",
        ),
    ],
)
def test_fewer_gpus_than_the_model_asks_for_are_refused(tmp_path, target, available, message):
    paper = ("--configfile", str(ROOT / "config/paper.yaml"), "--directory", str(tmp_path))
    run = snakemake(target, "-n", *paper, "--resources", f"gpu={available}")
    assert run.returncode != 0
    assert message in run.stdout


@pytest.mark.slow
def test_jobs_start_on_gpus_of_their_own(tmp_path):
    model = {
        "path": str(tmp_path),
        "chat": False,
        "resources": {"gpus": 16, "nodes": 2, "accelerate": "ddp", "threads": 8},
    }
    experiment = {
        "experiment": "trial",
        "models": ["large"],
        "methods": ["base", "grpo"],
        "benchmarks": ["chain"],
        "data": {"train": {"generator": {"families": ["chain"], "count": 8}}},
        "semantic_entropy": {"nli_model": "nli-deberta-v3-base"},
        "registry": {"models": {"large": model}},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(experiment))
    arguments = ("--configfile", str(tmp_path / "config.yaml"), "--directory", str(tmp_path))
    run = snakemake("-n", "-p", "--cores", "8", *arguments)
    commands = re.findall(
        r"^Shell command: (.*?) (train|sampling|evaluation|semantic-entropy|grading) --", run.stdout, re.M
    )
    srun = "srun --nodes=2 --ntasks=2 --ntasks-per-node=1 --cpus-per-task=8 --gpus-per-node=8 --kill-on-bad-exit=1"
    accelerate = f"--accelerate {ROOT}/config/accelerate/ddp.yaml --nodes 2"
    assert set(commands) == {
        (f"{srun} python -m sent launch --gpus 16 {accelerate}", "train"),
        ("python -m sent launch --gpus 1", "sampling"),
        ("python -m sent", "sampling"),  # which gathers the parts
        ("python -m sent launch --gpus 1", "evaluation"),
        ("python -m sent launch --gpus 1", "semantic-entropy"),
        ("python -m sent", "grading"),
    }


@pytest.mark.slow
def test_lint_finds_nothing():
    run = snakemake("--lint")
    assert "good condition" in run.stdout, run.stdout


@pytest.mark.slow
def test_the_rule_graph_follows_the_data():
    graph = snakemake("--rulegraph").stdout
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', graph))
    edges = {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", graph)}
    assert {
        ("read_questions", "sample"),
        ("gather_samples", "grade"),
        ("grade", "measure_semantic_entropy"),
        ("prepare_nli", "measure_semantic_entropy"),
        ("measure_semantic_entropy", "sort_questions"),
        ("sort_questions", "train"),
        ("train", "evaluate"),
        ("evaluate", "build_database"),
    } <= edges


def test_the_catalog_finds_what_it_looks_for():
    """Keys and files as github.com/snakemake/snakemake-workflow-catalog describes and reads them."""
    (usage,) = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text()).values()
    assert usage.keys() == {"mandatory-flags", "software-stack-deployment", "report"}
    assert usage["mandatory-flags"].keys() == {"desc", "flags"}
    deployment = usage["software-stack-deployment"]
    rules = "".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")])
    found = {kind: bool(re.search(rf"^ *{word}:", rules, re.MULTILINE)) for kind, word in SOFTWARE.items()}
    assert deployment == found
    assert usage["report"] is bool("report(" in rules)
    assert 'include: "../Snakefile"' in (ROOT / "workflow" / "Snakefile").read_text()
    readme = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in readme and "workflow" in readme
    assert (ROOT / "config" / "README.md").is_file()


@pytest.mark.slow
def test_it_runs_in_another_folder(tmp_path):
    plan = counts(snakemake("-n", folder=tmp_path))
    assert plan["prepare_model"] == 3

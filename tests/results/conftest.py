"""A small experiment with known answers, as the stages would leave it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sent import tables

EXPERIMENT = {
    "experiment": "toy",
    "models": ["small", "large"],
    "methods": ["base", "grpo", "sent"],
    "benchmarks": ["sums", "products"],
    "seeds": [0, 1],
    "data": {"train": {"hub": {"repo": "owner/train"}}},
    "semantic_entropy": {"nli_model": "tiny_nli"},
    "curricula": ["semantic_entropy", "pass_rate"],
    "registry": {
        "models": {name: {"hub": {"repo": f"owner/{name}"}} for name in ("small", "large", "tiny_nli")},
        "methods": {"grpo": {}, "sent": {"curriculum": "semantic_entropy"}},
        "benchmarks": {name: {"source": {"path": "."}} for name in ("sums", "products")},
    },
    "probe": {"count": 2, "n": 4, "every": 4},
    "evaluation": {"n": 4, "pass_at": [1, 2, 4, 8]},
}

PATTERNS = {
    # Right (1) or wrong (0) for the 4 responses to each question, by benchmark and method.
    "sums": {
        "base": ["1000", "0000", "1100", "0100"],
        "grpo": ["1100", "0000", "1110", "0101"],
        "sent": ["1111", "0001", "1110", "0101"],
    },
    "products": {
        "base": ["0000", "1000"],
        "grpo": ["0010", "1010"],
        "sent": ["0010", "1110"],
    },
}


def responses(patterns: dict[str, list[str]]) -> list[dict]:
    """Graded responses of one policy; answers are written in two forms, wrong ones differ."""
    rows = []
    for benchmark, questions in patterns.items():
        for number, pattern in enumerate(questions):
            for sample, right in enumerate(pattern):
                rows.append(
                    {
                        "benchmark": benchmark,
                        "question_id": f"{benchmark}-{number}",
                        "sample": sample,
                        "text": f"so {sample}",
                        "n_tokens": 10 + sample,
                        "logprob_sum": -1.0,
                        "finish_reason": "length" if sample == 3 else "stop",
                        "prompt_hash": "0",
                        "extracted": ("7" if sample % 2 else "$7.0$") if right == "1" else f"9{sample}",
                        "verdict": "correct" if right == "1" else "wrong",
                        "paper_match": right == "1" and sample % 2 == 1,
                        "verdict_reason": "same text" if right == "1" else "floats",
                        "cluster": 0 if right == "1" else 1 + sample,
                    }
                )
    return rows


def write_evaluation(root: Path, model: str, method: str, seed: int, patterns: dict[str, list[str]]) -> None:
    """Write the responses of one policy where evaluation would."""
    folder, rows = root / f"evaluation/{model}/{method}/seed{seed}", responses(patterns)
    for name, schema in (("responses", tables.RESPONSES), ("verdicts", tables.RESPONSE_VERDICTS)):
        kept = [{key: row[key] for key in schema.names} for row in rows]
        tables.write(folder / f"{name}.parquet", tables.table(schema, kept))


def write_questions(root: Path) -> None:
    """Write four training questions and the benchmarks."""
    rows = [
        {"question_id": f"t{i}", "question": f"What is {i} + {i}?", "answer": str(2 * i)} for i in range(4)
    ]
    tables.write(root / "data/train.parquet", tables.table(tables.QUESTIONS, rows))
    rows = [{"question_id": f"p{i}", "question": f"Half of {2 * i}?", "answer": str(i)} for i in range(2)]
    tables.write(root / "data/probe.parquet", tables.table(tables.QUESTIONS, rows))
    for benchmark, methods in PATTERNS.items():
        rows = [
            {
                "question_id": f"{benchmark}-{i}",
                "question": f"Q{i} of {benchmark}",
                "answer": "7",
                "group": "easy",
            }
            for i in range(len(methods["base"]))
        ]
        tables.write(root / f"data/benchmarks/{benchmark}.parquet", tables.table(tables.QUESTIONS, rows))


def write_entropy(root: Path, model: str) -> None:
    """Write samples, verdicts, clusters, semantic entropy and curriculum of one model."""
    samples, verdicts, clusters, entropies, curriculum = [], [], [], [], []
    for i in range(4):
        for sample in range(4):
            key = {"question_id": f"t{i}", "sample": sample}
            samples.append(
                {
                    **key,
                    "text": f"It is {sample}",
                    "n_tokens": 5,
                    "logprob_sum": -2.0,
                    "finish_reason": "stop",
                }
            )
            verdicts.append(
                {
                    **key,
                    "extracted": str(sample),
                    "verdict": "correct" if sample <= i else "wrong",
                    "paper_match": True,
                }
            )
            clusters.append(
                {**key, "cluster": max(0, sample - i), "decided_by": "first" if sample > i else "exact"}
            )
        entropies.append(
            {
                "question_id": f"t{i}",
                "n_samples": 4,
                "n_unparsable": 0,
                "n_clusters": 4 - i,
                "semantic_entropy": [1.386, 1.040, 0.562, 0.0][i],
                "accuracy": (i + 1) / 4,
                "mean_tokens": 5.0,
                "rao_blackwell": [1.3, 1.0, 0.5, 0.0][i],
            }
        )
        curriculum.append(
            {
                "question_id": f"t{3 - i}",
                "stage": 1 + i // 2,
                "position": i % 2,
                "semantic_entropy": [0.0, 0.562, 1.040, 1.386][i],
                "accuracy": (4 - i) / 4,
                "rehearsal": False,
                "why": "by semantic entropy",
            }
        )
    for name, rows in (
        ("samples", samples),
        ("verdicts", verdicts),
        ("clusters", clusters),
        ("semantic_entropy", entropies),
        ("curriculum", curriculum),
    ):
        place = f"{model}/semantic_entropy" if name == "curriculum" else model
        tables.write(root / f"{name}/{place}.parquet", tables.table(getattr(tables, name.upper()), rows))
    # By pass rate the first two change places.
    swapped = [row | {"position": 1 - row["position"]} if row["stage"] == 1 else row for row in curriculum]
    file = root / f"curriculum/{model}/pass_rate.parquet"
    tables.write(file, tables.table(tables.CURRICULUM, swapped))


def rollouts_of(stage: int, steps: int) -> list[dict]:
    """Rollouts that training kept: of t0 at every step, of t1 to t3 by turns. What the model wrote is no markup."""
    return [
        {
            "stage": stage,
            "step": step,
            "question_id": question,
            "sample": sample,
            "question": f"What is {question[1]} + {question[1]}?",
            "response": f"<script>alert({step})</script>\x1b[31m so {sample}",
            "reward": float(sample),
            "advantage": sample - 0.5,
            "verdict": "correct" if sample else "wrong",
            "truncated": False,
        }
        for step in range(1, steps + 1)
        for sample, question in enumerate(("t0", f"t{1 + step % 3}"))
    ]


def write_training(root: Path, model: str, method: str, seed: int) -> None:
    """Write the training metrics of one run: sent in two stages, others in one."""
    import pyarrow as pa

    for stage in (1, 2) if method == "sent" else (1,):
        steps = 3 if method == "sent" else 6
        rows = [
            {
                "step": step,
                "stage": stage,
                "reward": 0.1 * step,
                "entropy": 1.0 / step,
                "response_tokens": 20.0 + step,
                "worked_share": 0.4,
                "truncated_share": 0.0,
                "tokens_per_second": 1000.0,
                "step_tokens": 100,
                "seconds": 3.5,
                "memory_mb": 300.0,
                "loss": 0.0,
            }
            | ({"share_beta_high": 0.01} if method == "sent" else {})
            for step in range(1, steps + 1)
        ]
        folder = root / f"train/{model}/{method}/seed{seed}/stage{stage}"
        tables.write(folder / "metrics.parquet", pa.Table.from_pylist(rows))
        tables.write(folder / "rollouts.parquet", tables.table(tables.ROLLOUTS, rollouts_of(stage, steps)))
        asked = [step for step in (0, 4, 6) if method != "sent" or (step > 3) == (stage == 2)]
        probed = [row for step in asked for row in probe_rows(stage, step, seed)]
        tables.write(folder / "probe.parquet", tables.table(tables.PROBE, probed))
        told = {"method": method, "seed": seed, "stage": stage, "tokens": 1234, "steps": steps, "files": {}}
        (folder / "train.json").write_text(json.dumps(told))


def probe_rows(stage: int, step: int, seed: int) -> list[dict]:
    """What the probe's two questions were answered: right ones grow with the step, but fall at the end of seed 1."""
    right = {0: (0, 1), 4: (2, 3), 6: (2, 4 - 2 * seed)}[step]
    return [
        {
            "question_id": f"p{i}",
            "stage": stage,
            "step": step,
            "n": 4,
            "n_correct": right[i],
            "n_no_answer": 0,
            "n_truncated": 1 - i,
            "n_answers": 3 - i,
            "semantic_entropy": [1.0, 0.5][i],
            "n_tokens": [10, 30][i],
            "token_entropy": [2.0, 1.0][i] / (1 + step),
        }
        for i in range(2)
    ]


def write_all(root: Path) -> None:
    """Write what every stage leaves, as `root`."""
    write_questions(root)
    for model in ("small", "large"):
        write_entropy(root, model)
        (root / f"models/{model}").mkdir(parents=True)
        (root / f"models/{model}/provenance.json").write_text(
            json.dumps(
                {
                    "origin": "pretrained here",
                    "licence": "Apache-2.0",
                    "files": {"model.safetensors": {"bytes": 7, "sha256": "a" * 64}},
                }
            )
        )
        write_evaluation(root, model, "base", 0, {b: p["base"] for b, p in PATTERNS.items()})
        for method in ("grpo", "sent"):
            for seed in (0, 1):
                write_training(root, model, method, seed)
                write_evaluation(root, model, method, seed, {b: p[method] for b, p in PATTERNS.items()})
    nli = root / "models/nli/tiny_nli"
    nli.mkdir(parents=True)
    (nli / "provenance.json").write_text(json.dumps({"origin": "trained here", "files": {}}))
    (nli / "accuracy.json").write_text(json.dumps({"accuracy": 0.985}))
    record = root / "benchmarks/training/small/grpo/seed0/stage1.tsv"
    record.parent.mkdir(parents=True)
    head = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
    record.write_text(f"{head}\n12.5\t0:00:12\t345.6\t1\t1\t1\t0\t0\t98.0\t12.0\n")


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """The folder results/toy with every stage's files and the database. For reading only."""
    from sent.experiment import read
    from sent.results import database

    root = tmp_path_factory.mktemp("finished") / "results" / "toy"
    write_all(root)
    database.build(root, read(json.dumps(EXPERIMENT)), root / "results.duckdb")
    return root


def snakemakes_report(root: Path, settings: dict) -> Path:
    """Have Snakemake write its own report of a run below results/toy, of which figures, tables and pages are made."""
    folder, repository = root.parents[1], Path(__file__).resolve().parents[2]
    (folder / "toy.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "snakemake", "--report", "snakemake.html", "--configfile", "toy.json"]
    command += ["--snakefile", str(repository / "Snakefile"), "--directory", str(folder), "--cores", "1"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder / "snakemake.html"


@pytest.fixture(name="snakemakes_report", scope="session")
def _snakemakes_report():
    """The function that writes Snakemake's own report."""
    return snakemakes_report


@pytest.fixture
def toy(finished, tmp_path) -> Path:
    """A copy of the finished folder that a test may change."""
    root = tmp_path / "results" / "toy"
    shutil.copytree(finished, root)
    return root


@pytest.fixture
def database(finished) -> Path:
    """The experiment's database. For reading only."""
    return finished / "results.duckdb"


@pytest.fixture(name="build", scope="session")
def _build():
    """The function that builds the database of an experiment's folder and opens it for reading."""
    import duckdb
    from sent.experiment import read
    from sent.results import database

    def build(root: Path, settings: dict):
        output = root / "results.duckdb"
        database.build(root, read(json.dumps(settings)), output)
        return duckdb.connect(output, read_only=True)

    return build


@pytest.fixture
def experiment() -> dict:
    """Settings of the experiment, as one would write them."""
    return json.loads(json.dumps(EXPERIMENT))


@pytest.fixture(scope="module")
def toy_settings() -> dict:
    """The same, for a module to change."""
    return json.loads(json.dumps(EXPERIMENT))


@pytest.fixture(name="patterns")
def _patterns() -> dict:
    """Right and wrong answers by benchmark and method."""
    return PATTERNS


@pytest.fixture(name="write_evaluation")
def _write_evaluation():
    """The function that writes one policy's responses."""
    return write_evaluation


@pytest.fixture(scope="session")
def packed(finished, tmp_path_factory) -> Path:
    """The folder that `results pack` makes of ``finished``. For reading only."""
    from sent.__main__ import main

    folder = tmp_path_factory.mktemp("packed") / "toy"
    database = str(finished / "results.duckdb")
    assert main(["results", "pack", "--database", database, "--output", str(folder)]) == 0
    return folder

"""A run on SLURM, preempted, cancelled and repeated, ends with the very results of a local run.

On a cluster that is started here (local_slurm.py), by the profile that users get.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from sent import devices, tables

sys.path.insert(0, str(Path(__file__).parent))
import local_slurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
STEPS = 16
TIMED = ("seconds", "tokens_per_second", "memory_mb")
# Without waiting for the next look at the queue, and with fewer jobs to wait for.
FASTER = [
    *(
        "--slurm-init-seconds-before-status-checks",
        "1",
        "--latency-wait",
        "5",
        "--retries",
        "0",
        "--jobs",
        "2",
        "--groups",
    ),
    *(
        "gather_samples=sorting",
        "grade=sorting",
        "measure_semantic_entropy=sorting",
        "sort_questions=sorting",
    ),
    *("build_database=results", "write_tables=results", "draw_figures=results", "write_report=results"),
]
TRAINED = "train/nano-smoke/grpo/seed0/stage1"


@pytest.fixture(scope="module")
def slurm():
    """The variables by which commands find a running cluster; skips where there can be none."""
    if names := local_slurm.missing():
        pytest.skip(f"SLURM is not installed ({', '.join(names)} not found): apt-get install slurm-wlm munge")
    try:
        with local_slurm.cluster() as variables:
            yield {**os.environ, **variables}
    except RuntimeError as error:
        pytest.skip(f"SLURM does not start here: {error}")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory) -> Path:
    """The smoke experiment, smaller, and with training that is long enough to be interrupted."""
    smoke = yaml.safe_load((ROOT / "config" / "smoke.yaml").read_text())
    known = yaml.safe_load((ROOT / "config" / "models.yaml").read_text())
    model = {**known["nano-smoke"], "pretrain": {**known["nano-smoke"]["pretrain"], "steps": 100}}
    changes = {
        "methods": ["base", "grpo"],
        "benchmarks": ["chain"],
        "sampling": {**smoke["sampling"], "n": 4, "shards": 1},
        "semantic_entropy": {"entailment": "math_verify"},
        "training": {**smoke["training"], "steps": STEPS},
        "registry": {"models": {"nano-smoke": model}},
    }
    path = tmp_path_factory.mktemp("experiment") / "smoke.yaml"
    path.write_text(yaml.safe_dump({**smoke, **changes}))
    return path


def snakemake(experiment: Path, work: Path, *arguments: str) -> list[str]:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    return [*command, "--configfile", str(experiment), "--directory", str(work), *arguments]


def on_slurm(experiment: Path, work: Path, slurm: dict, log: Path, *targets: str) -> subprocess.Popen:
    profile = (
        "--workflow-profile",
        str(ROOT / "workflow/profiles/slurm"),
        "--slurm-status-command",
        "squeue",
    )
    with log.open("w") as output:
        return subprocess.Popen(
            snakemake(experiment, work, *targets, *profile, *FASTER),
            cwd=work, env=slurm, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip


def wait_for(pattern: str, path: Path, run: subprocess.Popen, seconds: int = 240) -> str:
    """Return the text of a growing file as soon as it holds ``pattern``."""
    for _ in range(seconds * 5):
        text = path.read_text() if path.exists() else ""
        if re.search(pattern, text):
            return text
        assert run.poll() is None, f"Snakemake ended before {path.name} said '{pattern}'"
        time.sleep(0.2)
    raise AssertionError(f"{path} does not say '{pattern}' after {seconds} seconds: {text[-2000:]}")


def ask(slurm: dict, *command: str) -> str:
    return subprocess.run(command, env=slurm, capture_output=True, text=True, check=True).stdout


def training_job(slurm: dict) -> str:
    jobs = ask(slurm, "squeue", "--noheader", "--states=RUNNING", "--format=%i %k").splitlines()
    (found,) = [job.split()[0] for job in jobs if "rule_train" in job]
    return found


@pytest.fixture(scope="module")
def interrupted(slurm, experiment, tmp_path_factory) -> tuple[Path, str]:
    """A finished run whose training was requeued and then cancelled, and what its log said when it was."""
    work = tmp_path_factory.mktemp("slurm")
    log = work / f"results/smoke/logs/training/{TRAINED.removeprefix('train/')}.log"
    run = on_slurm(experiment, work, slurm, work / "first.log", f"results/smoke/{TRAINED}/policy")
    wait_for(rf"step [1-9] of {STEPS}:", log, run)
    job = training_job(slurm)
    ask(slurm, "scontrol", "requeue", job)  # as preemption does
    wait_for(rf"going on from .*{STEPS} steps done(.|\n)*step \d+ of {STEPS}:", log, run)
    assert training_job(slurm) == job
    ask(slurm, "scancel", job)
    said = wait_for("asked to stop", log, run)
    assert run.wait(240) == 1, (work / "first.log").read_text()[-3000:]
    assert not (work / "results/smoke" / TRAINED / "policy").exists()
    again = on_slurm(experiment, work, slurm, work / "second.log")
    assert again.wait(400) == 0, (work / "second.log").read_text()[-3000:]
    return work, said + log.read_text()


@pytest.fixture(scope="module")
def local(experiment, tmp_path_factory) -> Path:
    """The same experiment, run here and in peace."""
    work = tmp_path_factory.mktemp("local")
    run = subprocess.run(
        snakemake(experiment, work, "--cores", "2"), cwd=work, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return work


def test_training_went_on_twice_from_its_checkpoint(interrupted):
    _, said = interrupted
    resumed = [int(step) for step in re.findall(rf"step\d+, (\d+) of {STEPS} steps done", said)]
    assert len(resumed) == 2
    assert 0 < resumed[0] <= resumed[1] <= STEPS


def test_the_trained_weights_are_those_of_a_local_run_to_the_bit(interrupted, local):
    ours, theirs = (work / "results/smoke" / TRAINED for work in (interrupted[0], local))
    weights = [(folder / "policy/model.safetensors").read_bytes() for folder in (ours, theirs)]
    assert weights[0] == weights[1]
    logs = [
        [
            {k: v for k, v in row.items() if not k.startswith(TIMED)}
            for row in tables.rows(folder / "metrics.parquet")
        ]
        for folder in (ours, theirs)
    ]
    assert len(logs[0]) == STEPS
    assert logs[0] == logs[1]


@pytest.mark.parametrize(
    "table", ["avg_at_n", "pass_at_k", "paired_differences", "semantic_entropy", "curriculum"]
)
def test_the_tables_are_those_of_a_local_run(interrupted, local, table):
    ours, theirs = (
        (work / f"results/smoke/tables/{table}.csv").read_text() for work in (interrupted[0], local)
    )
    assert ours.count("\n") > 1
    assert ours == theirs


def test_a_job_gets_the_gpu_that_slurm_assigns(slurm, tmp_path):
    command = [sys.executable, "-m", "sent", "launch", "--gpus", "1", "grading", "--help"]
    both = subprocess.run(
        ["srun", "--nodes=1", "--ntasks=2", "--gpus-per-task=1", "--overcommit", *command],
        env={**slurm, devices.COUNT: "1", "TMPDIR": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert both.returncode == 0, both.stderr
    assert sorted(re.findall(r"on GPU (\d)", both.stderr)) == ["0", "1"]
    assert not list(tmp_path.iterdir())


def test_training_on_two_nodes(slurm, experiment, interrupted, tmp_path):
    changed = yaml.safe_load(experiment.read_text())
    changed["seeds"] = [1]
    changed["registry"]["models"]["nano-smoke"]["resources"] = {"gpus": 2, "nodes": 2, "accelerate": "ddp"}
    two_nodes = tmp_path / "two.yaml"
    two_nodes.write_text(yaml.safe_dump(changed))
    # The GPUs are pretended, and the nodes' names are nobody's.
    pretend = {"ACCELERATE_USE_CPU": "true", devices.COUNT: "1", "MASTER_ADDR": "127.0.0.1"}
    seed1 = TRAINED.replace("seed0", "seed1")
    work, log = interrupted[0], tmp_path / "two.log"
    run = on_slurm(two_nodes, work, slurm | pretend, log, f"results/smoke/{seed1}/policy")
    assert run.wait(240) == 0, log.read_text()[-3000:]
    summary = json.loads((work / "results/smoke" / seed1 / "train.json").read_text())
    assert (summary["processes"], summary["steps"]) == (2, STEPS)

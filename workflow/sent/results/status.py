"""Where a run stands, from the files that it leaves: outputs, logs, and Snakemake's lock."""

import re
from dataclasses import dataclass
from pathlib import Path

from sent.experiment import ResolvedExperiment

ERROR = re.compile(r"(?m)^(error:|Traceback |\S*(Error|Exception): )|CANCELLED|Killed|[Oo]ut of memory")
TAIL_BYTES = 8000


@dataclass(frozen=True)
class Job:
    """One job of a stage: the file that it makes and the log that it writes, below the experiment's "
    "folder."""

    stage: str
    name: str
    output: str

    @property
    def log(self) -> str:
        """Path of the log."""
        return f"logs/{self.stage}/{self.name}.log"


@dataclass(frozen=True)
class State:
    """What a job is at: done, running, failed, interrupted or waiting, with the end of its log."""

    job: Job
    state: str
    tail: list[str]


def jobs(experiment: ResolvedExperiment) -> list[Job]:
    """Return the jobs of an experiment in the order of the stages."""
    settings = experiment.experiment
    models, recorded = list(experiment.models), settings.recorded is not None
    found = [Job("data", "train", "data/train.parquet")]
    found += [Job("data", f"benchmarks/{b}", f"data/benchmarks/{b}.parquet") for b in experiment.benchmarks]
    found += [Job("models", m, f"models/{m}") for m in models if not recorded]
    found += [Job("models", f"nli/{m}", f"models/nli/{m}") for m in experiment.nli_models]
    for stage, folder in (("sampling", "samples"), ("grading", "verdicts")):
        found += [Job(stage, model, f"{folder}/{model}.parquet") for model in models]
    for stage in ("semantic_entropy", "curriculum"):
        found += [Job(stage, model, f"{stage}/{model}.parquet") for model in models]
    runs = [(m, method, seed) for m in models for method in settings.methods for seed in settings.seeds]
    for model, method, seed in runs:
        for stage in range(1, experiment.stages(model, method) + 1):
            name = f"{model}/{method}/seed{seed}/stage{stage}"
            found.append(Job("training", name, f"train/{name}/metrics.parquet"))
    if experiment.benchmarks:
        for model, method, seed in runs:
            name = f"{model}/{method}/seed{seed}"
            found.append(Job("evaluation", name, f"evaluation/{name}.parquet"))
    results = {
        "database": "results.duckdb",
        "tables": "tables",
        "figures": "figures",
        "report": "report.html",
    }
    return found + [Job("results", name, output) for name, output in results.items()]


def look(root: Path, planned: list[Job], is_running: bool) -> list[State]:
    """Return the state of each job from the files below ``root``; ``is_running``: Snakemake is at work."""
    return [_state(root, job, is_running) for job in planned]


def _state(root: Path, job: Job, is_running: bool) -> State:
    if (root / job.output).exists():
        return State(job, "done", [])
    log = root / job.log
    logs = [log] if log.is_file() else sorted(log.parent.glob(f"{log.stem}.*.log"))
    if not logs:
        return State(job, "waiting", [])
    newest = max(logs, key=lambda path: path.stat().st_mtime)
    tail = last_lines(newest)
    if ERROR.search("\n".join(tail)):
        return State(job, "failed", tail)
    return State(job, "running" if is_running else "interrupted", tail)


def last_lines(path: Path, count: int = 8) -> list[str]:
    """Return the last lines of a log that are not empty; of a progress bar only its latest state."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        text = file.read().decode(errors="replace")
    lines = [line.rstrip().split("\r")[-1] for line in text.split("\n")]
    return [line for line in lines if line.strip()][-count:]


def is_running(folder: Path) -> bool:
    """Whether a Snakemake that was started in ``folder`` holds its lock."""
    return any((folder / ".snakemake/locks").glob("*"))

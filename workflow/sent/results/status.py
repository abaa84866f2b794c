"""Where a run stands, from the files that it leaves: outputs, logs, and what Snakemake itself noted."""

import re
from dataclasses import dataclass
from pathlib import Path

from sent.experiment import ResolvedExperiment
from sent.results.snakemake_run import SnakemakeRun

ERROR = re.compile(r"(?m)^(error:|Traceback |\S*(Error|Exception): )|CANCELLED|Killed|[Oo]ut of memory")
BAR = re.compile(r"(\d+%)\|[^|]*\|")
"""Percentage and picture of a progress bar."""

TAIL_BYTES = 8000


@dataclass(frozen=True)
class Job:
    """One job of a stage: the file that it makes and the log that it writes, below the experiment's folder."""

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
    found = [Job("data", "train", "data/train.parquet")] if experiment.sampled else []
    found += [Job("data", f"benchmarks/{b}", f"data/benchmarks/{b}.parquet") for b in experiment.benchmarks]
    found += [Job("models", m, f"models/{m}") for m in models if not recorded]
    found += [Job("models", f"nli/{m}", f"models/nli/{m}") for m in experiment.nli_models]
    for stage, folder in (("sampling", "samples"), ("grading", "verdicts")):
        found += [Job(stage, model, f"{folder}/{model}.parquet") for model in experiment.sampled]
    for stage in ("semantic_entropy", "curriculum"):
        found += [Job(stage, model, f"{stage}/{model}.parquet") for model in experiment.sampled]
    runs = [(m, method, seed) for m in models for method in settings.methods for seed in settings.seeds]
    for model, method, seed in runs:
        for stage in range(1, experiment.stages(model, method) + 1):
            name = f"{model}/{method}/seed{seed}/stage{stage}"
            found.append(Job("training", name, f"train/{name}/metrics.parquet"))
            if _sorts_anew(experiment, model, method, stage):
                found.append(Job("rescoring", name, f"rescoring/{name}/curriculum.parquet"))
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


def _sorts_anew(experiment: ResolvedExperiment, model: str, method: str, stage: int) -> bool:
    """Whether the stages after ``stage`` are sorted by what the policy of this one answers."""
    rescores = experiment.by_model[model].curriculum.rescore and experiment.methods[method].curriculum
    return bool(rescores) and stage < experiment.stages(model, method)


def look(root: Path, planned: list[Job], run: SnakemakeRun, folder: Path) -> list[State]:
    """Return the state of each job from the files below ``root`` and the newest ``run``, started in ``folder``."""
    return [_state(root, job, run, {folder / path for path in run.failed}) for job in planned]


def _state(root: Path, job: Job, run: SnakemakeRun, failed: set[Path]) -> State:
    if (root / job.output).exists():
        return State(job, "done", [])
    log = root / job.log
    logs = [
        path
        for part in (log.name, f"{log.stem}.*.log", f"{log.stem}/*.log")
        for path in log.parent.glob(part)
    ]
    if not logs:
        return State(job, "waiting", [])
    newest = max([path for path in logs if path in failed] or logs, key=_changed)
    tail = last_lines(newest)
    if run.at_work and _changed(newest) < run.started:
        return State(job, "waiting", [])  # the log is an earlier run's
    if newest in failed or ERROR.search("\n".join(tail)):
        return State(job, "failed", tail)
    return State(job, "running" if run.at_work else "interrupted", tail)


def _changed(path: Path) -> float:
    return path.stat().st_mtime


def progress_of(tail: list[str]) -> str:
    """Return the latest line of a log that tells of progress: a bar that goes on, else the last line."""
    bars = [line for line in tail if BAR.search(line)]
    going_on = [line for line in bars if "100%" not in line]
    line = (going_on or bars or tail or ["no output yet"])[-1]
    return BAR.sub(r"\1", line)


def last_lines(path: Path, count: int = 8) -> list[str]:
    """Return the last lines of a log that are not empty; of a progress bar only its latest state."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        text = file.read().decode(errors="replace")
    lines = [line.rstrip().split("\r")[-1] for line in text.split("\n")]
    return [line for line in lines if line.strip()][-count:]

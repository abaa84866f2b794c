"""What jobs that ran took, and what that says of jobs like them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from sent.plan.jobs import LIKE, RAN, JobEstimate


@dataclass(frozen=True)
class Measured:
    """Wall-clock seconds, and the peak: the GPU's by the training log, else the process's resident memory, bytes."""

    seconds: float
    memory: float | None


def measured(folder: Path, estimated: JobEstimate) -> Measured | None:
    """Return what was measured of a job below ``folder`` = results/{experiment}, or None.

    A benchmark file holds a row for each time the job ran; the last counts. Training that went on from a checkpoint took
    at least as long as its steps together. Files that cannot be read are passed over: an estimate needs none of them.
    """
    job = estimated.job
    file = folder / job.benchmark
    try:
        header, *rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines() if line]
        last = dict(zip(header, rows[-1], strict=True))
        seconds = float(last["s"])
    except (OSError, ValueError, KeyError, IndexError):
        return None
    resident = _number(last.get("max_rss", "-"))
    memory = None if resident is None else resident * 2**20
    if job.rule == "train":
        steps = _steps(folder / job.outputs["metrics"])
        seconds = max(seconds, sum(row.get("seconds") or 0.0 for row in steps))
        if estimated.gpus:
            memory = max((row.get("memory_mb") or 0.0 for row in steps), default=0.0) * 2**20 or None
    return Measured(seconds, memory)


def corrected(folder: Path, estimates: list[JobEstimate]) -> list[JobEstimate]:
    """Return the jobs with measured seconds in place of estimated ones, as far as any were measured.

    A job that ran takes what it took. Others are scaled by measured / estimated seconds of the jobs like them that ran:
    those of their rule and model, else those of their rule with as many GPUs.
    """
    found = {place: measured(folder, job) for place, job in enumerate(estimates)}
    ran = [(estimates[place], one.seconds) for place, one in found.items() if one is not None]
    of_model = _ratios(ran, lambda job: (job.rule, job.model))
    of_rule = _ratios(ran, lambda job: (job.rule, job.gpus))
    results = []
    for place, job in enumerate(estimates):
        ratio = of_model.get((job.rule, job.model), of_rule.get((job.rule, job.gpus)))
        if (one := found[place]) is not None:
            job = replace(job, seconds=one.seconds, basis=RAN)
        elif ratio is not None:
            job = replace(job, seconds=job.seconds * ratio, basis=LIKE)
        results.append(job)
    return results


def _ratios(
    ran: Iterable[tuple[JobEstimate, float]], group: Callable[[JobEstimate], tuple]
) -> dict[tuple, float]:
    """Measured over estimated seconds of each group."""
    sums: dict[tuple, list[float]] = {}
    for job, seconds in ran:
        both = sums.setdefault(group(job), [0.0, 0.0])
        both[0] += seconds
        both[1] += job.seconds
    return {name: seconds / estimated for name, (seconds, estimated) in sums.items() if estimated}


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:  # Snakemake writes - or NA for jobs too short to be looked at
        return None


def _steps(log: Path) -> list[dict]:
    """The rows of a training log; none where there is none."""
    if not log.is_file():
        return []
    from sent import tables

    return tables.rows(log)

"""What Snakemake and the training log measured of jobs that have run."""

from dataclasses import dataclass
from pathlib import Path

from sent.plan.preparing import Job


@dataclass(frozen=True)
class Measured:
    """Wall-clock seconds, and the peak: the GPU's by the training log, else the process's resident memory, bytes."""

    seconds: float
    memory: float | None


def measured(folder: Path, job: Job) -> Measured | None:
    """Return what was measured of a job below ``folder`` = results/{experiment}, or None.

    A benchmark file holds a row for each time the job ran; the last counts. Files that cannot be read are passed over:
    an estimate needs none of them.
    """
    file = folder / "benchmarks" / f"{job.name}.tsv"
    try:
        header, *rows = [line.split("\t") for line in file.read_text().splitlines() if line]
        last = dict(zip(header, rows[-1], strict=True))
        seconds = float(last["s"])
    except (OSError, ValueError, KeyError, IndexError):
        return None
    resident = _number(last.get("max_rss", "-"))
    memory = None if resident is None else resident * 2**20
    if job.rule == "train" and job.gpus:
        memory = _of_gpu(folder / job.name.replace("training/", "train/", 1) / "metrics.parquet") or None
    return Measured(seconds, memory)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:  # Snakemake writes - or NA for jobs too short to be looked at
        return None


def _of_gpu(log: Path) -> float:
    if not log.is_file():
        return 0.0
    from sent import tables

    return max((row.get("memory_mb") or 0.0 for row in tables.rows(log)), default=0.0) * 2**20

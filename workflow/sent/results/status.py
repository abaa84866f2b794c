"""Where a run stands, from the files that it leaves: outputs, logs, and what Snakemake itself noted."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sent.grading.warnings import SEE
from sent.paths import Job
from sent.results.snakemake_run import SnakemakeRun
from sent.training import step_log

ERROR = re.compile(r"(?m)^(error:|Traceback |\S*(Error|Exception): )|CANCELLED|Killed|[Oo]ut of memory")
BAR = re.compile(r"(\d+%)\|[^|]*\|")
"""Percentage and picture of a progress bar."""

TAIL_BYTES = 8000


@dataclass(frozen=True)
class JobState:
    """What a job is at: done, running, failed, interrupted or waiting, with the end of its log."""

    job: Job
    state: str
    tail: list[str]


def look(root: Path, jobs: list[Job], run: SnakemakeRun, folder: Path) -> list[JobState]:
    """Return the state of each job from the files below ``root`` and the newest ``run``, started in ``folder``."""
    return [_state(root, job, run, {folder / path for path in run.failed}) for job in jobs]


def _state(root: Path, job: Job, run: SnakemakeRun, failed: set[Path]) -> JobState:
    if all((root / path).exists() for path in job.outputs.values()):
        return JobState(job, "done", [])
    log = root / job.log
    logs = [
        path
        for part in (log.name, f"{log.stem}.*-of-*.log")  # a job may have shards
        for path in log.parent.glob(part)
    ]
    if not logs:
        return JobState(job, "waiting", [])
    newest = max([path for path in logs if path in failed] or logs, key=_changed)
    tail = last_lines(newest)
    if run.at_work and _changed(newest) < run.started:
        return JobState(job, "waiting", [])  # the log is an earlier run's
    if newest in failed or ERROR.search("\n".join(tail)):
        return JobState(job, "failed", tail)
    return JobState(job, "running" if run.at_work else "interrupted", tail)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # removed since
        return 0.0


def _printable(line: str) -> str:
    """A line without what moves a terminal's cursor or changes its colours."""
    return "".join(sign if sign.isprintable() else " " for sign in line)


def progress_of(tail: list[str]) -> str:
    """Return the latest line of a log that tells of progress: a bar that goes on, else the last line."""
    bars = [line for line in tail if BAR.search(line)]
    going_on = [line for line in bars if "100%" not in line]
    line = (going_on or bars or tail or ["no output yet"])[-1]
    return BAR.sub(r"\1", line)


def warnings_in(log: Path) -> list[str]:
    """Return what a log warns of and asks to act on, each sentence once, the latest last."""
    if not log.is_file():
        return []
    with log.open(encoding="utf-8", errors="replace") as lines:
        found = [line.split("WARNING", 1)[1].strip() for line in lines if "WARNING" in line and SEE in line]
    return list(dict.fromkeys(map(_printable, found)))


def damaged(root: Path) -> list[str]:
    """Return a sentence for each file below ``root`` that cannot be read: tables, what is known of models and trainings,
    and what running ones tell. Of a table its ends are looked at; its pages have checksums, which its readers verify.
    """
    found = []
    for path in sorted(root.rglob("*")):
        if path.suffix in READERS and (path.suffix != ".json" or path.name in KNOWN):
            try:
                status = path.stat()
                problem = _problem(path, status.st_mtime_ns, status.st_size)
            except OSError as error:
                problem = f"{error.strerror}"
            if problem:
                found.append(f"{path} cannot be read: {problem}")
    return found


KNOWN = ("provenance.json", "state.json", "train.json", "accuracy.json")
"""Files of JSON that jobs read again; those of models and tokenizers are large, and checked as they are loaded."""


@cache
def _problem(path: Path, changed: int, size: int) -> str | None:
    """What is wrong with a file; one that has not changed since is not read again."""
    return READERS[path.suffix](path)


def _table(path: Path) -> str | None:
    with path.open("rb") as file:
        begins = file.read(4)
        file.seek(max(0, path.stat().st_size - 4))
        whole = begins == file.read() == b"PAR1"
    return None if whole else "no whole Parquet file; remove it, and the next run makes it again"


def _lines(path: Path) -> str | None:
    count = step_log.damaged(path)
    return f"{count} damaged lines, which are passed over" if count else None


def _facts(path: Path) -> str | None:
    try:
        if isinstance(json.loads(path.read_bytes()), dict):
            return None
    except (ValueError, RecursionError):
        pass
    if path.name == "state.json":
        return (
            "no JSON of keys and values; training goes on from the checkpoint before this one, or starts over"
        )
    whole = path.parent if path.name == "provenance.json" else "it"
    return f"no JSON of keys and values; remove {whole}, and the next run makes it again"


READERS = {".parquet": _table, ".jsonl": _lines, ".json": _facts}


def last_lines(path: Path, count: int = 8) -> list[str]:
    """Return the last lines of a log that are not empty, printable; of a progress bar only its latest state."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError as error:
        return [f"({path} cannot be read: {error.strerror})"]
    lines = [_printable(line.rstrip().split("\r")[-1]) for line in text.split("\n")]
    return [line for line in lines if line.strip()][-count:]

"""What Snakemake knows of the newest run in a folder: whether it is at work, since when, and what failed."""

import platform
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sent.log import logger

EXECUTED = "\nSelect jobs to execute...\n"
"""Stands in the log of a run that had something to do. Dry runs and reports leave logs, too."""

EVENT = re.compile(
    r"(?m)^Trying to restart job (?P<restarted>\d+)|^    jobid: (?P<job>\d+)$|^    log: (?P<log>.+) \(check log file\(s\)"
)
"""Of a failed job, Snakemake writes the number and, below it, the log."""


@dataclass(frozen=True)
class SnakemakeRun:
    """The newest run: `started` in seconds since 1970, `failed` the logs of failed jobs, below the folder."""

    at_work: bool = False
    locked: bool = False
    started: float = 0.0
    failed: frozenset[Path] = frozenset()
    config_files: tuple[Path, ...] = ()


def newest(folder: Path) -> SnakemakeRun:
    """Return what `.snakemake/` tells of the newest run that was started in ``folder``."""
    locked = any((folder / ".snakemake/locks").glob("*"))
    for path in sorted((folder / ".snakemake/log").glob("*.snakemake.log"), reverse=True):
        try:
            text = path.read_text(errors="replace", encoding="utf-8")
            started = datetime.strptime(path.name[:17], "%Y-%m-%dT%H%M%S").timestamp()
        except (OSError, ValueError) as error:
            logger.warning("%s: left out, not a log of Snakemake (%s)", path, error)
            continue
        if EXECUTED in text:
            return SnakemakeRun(
                at_work=locked and (_host(text) != platform.node() or _has_process(folder)),
                locked=locked,
                started=started,
                failed=frozenset(_failed(text)),
                config_files=tuple(
                    map(Path, re.findall(r"PosixPath\('(.+?)'\)", _line(text, "Config file(s)")))
                ),
            )
    return SnakemakeRun(at_work=locked and _has_process(folder), locked=locked)


def unlock(folder: Path) -> None:
    """Remove the lock below ``folder``, as `snakemake --unlock` does; ask :func:`newest` first whether it is stale."""
    for path in (folder / ".snakemake/locks").glob("*"):
        logger.info("%s: removed, the Snakemake that it belonged to was killed", path)
        path.unlink(missing_ok=True)


def _line(text: str, key: str) -> str:
    """The value of a line of the log's head."""
    found = re.search(rf"(?m)^  {re.escape(key)}: (.*)$", text)
    return found[1] if found else ""


def _host(text: str) -> str:
    return _line(text, "Host") or platform.node()


def _failed(text: str) -> set[Path]:
    """Logs of jobs that failed and were not restarted since."""
    failed: dict[str, Path] = {}
    job = ""
    for event in EVENT.finditer(text):
        if event["job"]:
            job = event["job"]
        elif event["log"]:
            failed[job] = Path(event["log"])
        else:
            failed.pop(event["restarted"], None)
    return set(failed.values())


def _has_process(folder: Path) -> bool:
    """Whether a Snakemake works in ``folder`` on this machine: a killed one leaves its lock behind."""
    import psutil

    for process in psutil.process_iter(["cwd", "cmdline"]):
        words = process.info["cmdline"] or []
        if process.info["cwd"] == str(folder.resolve()) and any("snakemake" in word for word in words[:3]):
            return True
    return False

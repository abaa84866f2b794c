"""What Snakemake knows of the newest run in a folder: whether it is at work, since when, and what failed."""

import os
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sent.errors import SentError
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
    locked = any(_locks(folder))
    for path in sorted((folder / ".snakemake/log").glob("*.snakemake.log"), reverse=True):
        try:
            text = path.read_text(errors="replace", encoding="utf-8")
            started = datetime.strptime(path.name[:17], "%Y-%m-%dT%H%M%S").timestamp()
        except (OSError, ValueError) as error:
            logger.warning("%s: left out, not a log of Snakemake (%s)", path, error)
            continue
        if EXECUTED in text:
            return SnakemakeRun(
                at_work=locked
                and (_host(text) != platform.node() or bool(_processes(folder, _is_snakemake))),
                locked=locked,
                started=started,
                failed=frozenset(_failed(text)),
                config_files=tuple(
                    map(Path, re.findall(r"PosixPath\('(.+?)'\)", _line(text, "Config file(s)")))
                ),
            )
    return SnakemakeRun(at_work=locked and bool(_processes(folder, _is_snakemake)), locked=locked)


def unlock(folder: Path) -> None:
    """Remove the lock that a Snakemake which was killed on this machine left below ``folder``.

    Leaves the lock of one at work alone. Raises :class:`SentError` while jobs that the killed one started go on.
    """
    locks = _locks(folder)
    # Logs are read only where there is a lock: each start of Snakemake comes by here.
    if not locks or newest(folder).at_work:
        return
    if jobs := _processes(folder, _is_job):
        named = ", ".join(f"{process.pid} ({process.info['cmdline'][3]})" for process in jobs)
        raise SentError(
            f"a Snakemake was killed here, and jobs of it still run: processes {named}; wait until they are done, "
            "or end them with kill, and start again"
        )
    for path in locks:
        logger.info("%s: removed, the Snakemake that it belonged to was killed", path)
        path.unlink(missing_ok=True)


def _locks(folder: Path) -> list[Path]:
    return list((folder / ".snakemake/locks").glob("*"))


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


def _is_snakemake(words: list[str]) -> bool:
    return any("snakemake" in word for word in words[:3])


def _is_job(words: list[str]) -> bool:
    """Whether a command makes a file, as all jobs do."""
    return words[1:3] == ["-m", "sent"] and any(word.startswith("--output") for word in words)


def _processes(folder: Path, wanted: Callable[[list[str]], bool]) -> list:
    """Processes of this machine that work in ``folder``, but for this one and those that started it."""
    import psutil

    here, mine = (
        str(folder.resolve()),
        {process.pid for process in psutil.Process().parents()} | {os.getpid()},
    )
    return [
        process
        for process in psutil.process_iter(["cwd", "cmdline"])
        if process.pid not in mine and process.info["cwd"] == here and wanted(process.info["cmdline"] or [])
    ]

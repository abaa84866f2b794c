"""An undisturbed run that is kept, and its jobs, each of which can be run again under a fault."""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
from sent import tables

ROOT = Path(__file__).parents[2]
RESULTS = "results/faults"
TIMED = ("seconds", "tokens_per_second", "memory_mb", "date")
"""Beginnings of the names of what a clock says."""
COSTS = "jobs"
"""The table of what jobs took, which Snakemake alone measures."""
STAMP = ".snakemake_timestamp"
"""What Snakemake leaves in a folder that a job made."""


@dataclass(frozen=True)
class Job:
    """A job of the workflow: its rule's stage, its command and its files, relative to the run's folder."""

    name: str
    argv: list[str]
    inputs: list[str]
    outputs: list[str]
    events: int

    @property
    def stage(self) -> str:
        """The command that it runs."""
        return " ".join(self.argv[:2]) if self.argv[0] == "results" else self.argv[0]


class Server:
    """Runs jobs by job_server.py."""

    def __init__(self, scratch: Path):
        environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        command = [sys.executable, str(Path(__file__).with_name("job_server.py"))]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.log = scratch / "job.log"

    def run(self, folder: Path, argv: list[str], **fault) -> tuple[int, int]:
        """Return exit status and number of events of a command in ``folder``."""
        job = {"cwd": str(folder), "argv": argv, "log": str(self.log), **fault}
        print(json.dumps(job), file=self.process.stdin, flush=True)
        status, events = json.loads(self.process.stdout.readline())
        return status, events

    def said(self) -> str:
        """What the latest job wrote."""
        return self.log.read_text(errors="replace")

    def close(self) -> None:
        """End it."""
        self.process.stdin.close()
        self.process.wait(timeout=30)


def commands(folder: Path, configfile: Path, targets: list[str]) -> list[tuple[str, list[str]]]:
    """Return the message and command of every job that ``targets`` need in ``folder``, what is needed first."""
    dry = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", *targets, "-n", "-p", "--forceall", "--cores", "1"),
            *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), "--configfile", str(configfile)),
        ],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = dry.stdout + dry.stderr
    found = re.findall(r"^Job \d+: (.*?)\n.*?^Shell command: (.*?)\n\n", said, re.MULTILINE | re.DOTALL)
    jobs = []
    for message, command in found:
        words = shlex.split(command)
        words = words[: words.index(">")]
        jobs.append((message, words[words.index("-m") + 2 :]))
    return jobs


def make(folder: Path, server: Server, configfile: Path, targets: list[str]) -> list[Job]:
    """Run every job that ``targets`` need once; return them with what they read and wrote."""
    waiting, made = commands(folder, configfile, targets), []
    while waiting:
        message, argv = waiting.pop(0)
        words = [word.partition("=")[2] if "=results/" in word else word for word in argv]
        paths = [word for word in words if word.startswith("results/")]
        before = [path for path in paths if (folder / path).exists()]
        status, events = server.run(folder, argv)
        if status != 0:
            raise AssertionError(f"{message}: {argv}\n{server.said()}")
        outputs = [path for path in paths if (folder / path).exists() and path not in before]
        made.append(Job(message, argv, before, outputs, events))
    return made


def restore(job: Job, kept: Path, work: Path) -> None:
    """Put what a job reads and writes back as it was, and remove what is not of the run."""
    for path in [*job.inputs, *job.outputs]:
        remove(work / path)
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (kept / path).is_dir() else shutil.copy2
        copy(kept / path, work / path)


def remove(path: Path) -> None:
    """Remove a file or folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def leftovers(folder: Path) -> list[str]:
    """Return the temporary files of writers that are gone."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*.tmp*")]


def content(path: Path):
    """Return what a file or folder says, without what a clock says."""
    if path.is_dir():
        names = sorted(p for p in path.rglob("*") if p.is_file() and p.stem != COSTS and p.name != STAMP)
        return {str(name.relative_to(path)): content(name) for name in names}
    if path.suffix == ".parquet":
        return [_timeless(row) for row in tables.rows(path)], _timeless(_parsed(tables.metadata(path)))
    if path.suffix == ".json":
        return _timeless(json.loads(path.read_text()))
    if path.suffix == ".duckdb":
        with duckdb.connect(path, read_only=True) as connection:
            names = [
                name
                for (name,) in connection.execute(
                    "SELECT table_name FROM duckdb_tables() ORDER BY 1"
                ).fetchall()
            ]
            names.remove(COSTS)
            frames = {name: connection.execute(f'FROM "{name}"').df().to_dict("records") for name in names}
            return repr({name: [_timeless(row) for row in rows] for name, rows in frames.items()})
    return path.read_bytes()


def _parsed(facts: dict[str, str]) -> dict:
    found = dict(facts)
    for key, text in facts.items():
        with contextlib.suppress(ValueError):
            found[key] = json.loads(text)
    return found


def _timeless(value):
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if not str(k).startswith(TIMED)}
    return [_timeless(v) for v in value] if isinstance(value, list) else value

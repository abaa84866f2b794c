"""Snakemake on the run of a lab: started, ended within a limit, unlocked, and compared."""

import os
import signal
import subprocess
import sys
import time

import kept_run
from lab import CONFIG, Lab

LIMIT = 900
"""Seconds that a Snakemake may take, its jobs included."""


def start(lab: Lab, *targets: str) -> subprocess.Popen:
    """Start Snakemake, and its jobs, as a group of processes."""
    command = [
        *(sys.executable, "-m", "snakemake", *targets, "--cores", "2", "--rerun-triggers", "mtime"),
        *("--rerun-incomplete", "--snakefile", str(kept_run.ROOT / "Snakefile")),
        *("--directory", str(lab.work), "--configfile", str(CONFIG)),
    ]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=kept_run.ROOT, start_new_session=True, **streams)


def end(process: subprocess.Popen) -> str:
    """Wait for it and for jobs that it left behind; return what they said. What hangs is killed and fails."""
    try:
        return process.communicate(timeout=LIMIT)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        raise AssertionError(f"not at an end after {LIMIT} seconds: {said[-500:]}") from None


def remove(lab: Lab, jobs: list[kept_run.Job]) -> list[str]:
    """Put the run back as it was, but for what some jobs made; return the paths of that."""
    for job in lab.jobs:
        kept_run.restore(job, lab.kept, lab.work)
    paths = [path for job in jobs for path in job.outputs]
    for path in paths:
        kept_run.remove(lab.work / path)
    return paths


def wait_for_lock(lab: Lab, process: subprocess.Popen) -> None:
    """Wait until it has locked the folder, as it does before its first job."""
    while not any((lab.work / ".snakemake" / "locks").glob("*")) and process.poll() is None:
        time.sleep(0.05)


def lost(lab: Lab, paths: list[str]) -> str | None:
    """What is not as it was."""
    wrong = [
        path
        for path in paths
        if not (lab.work / path).exists() or kept_run.content(lab.work / path) != lab.expected[path]
    ]
    left = kept_run.leftovers(lab.work)
    return f"{wrong} other than undisturbed, leftovers {left}" if wrong or left else None

"""Processes that read what a model wrote: started, and stopped where they hang or end badly."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]


def start(module: str, argument: str) -> subprocess.Popen:
    """Run ``python -m MODULE ARGUMENT`` with this package, unbuffered pipes to and from it, and nothing that is random."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-m", module, argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
        bufsize=0,
    )


def stop(process: subprocess.Popen) -> None:
    """Kill a process and close its pipes."""
    process.kill()
    process.wait()
    for pipe in pipes(process):
        pipe.close()


def pipes(process: subprocess.Popen) -> tuple[IO[bytes], IO[bytes]]:
    """Return the pipes to and from a process of :func:`start`."""
    assert process.stdin is not None and process.stdout is not None
    return process.stdin, process.stdout

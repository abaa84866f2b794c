"""Runs commands of the package in forked processes that are killed, interrupted or set back in time on the way.

As a program it reads jobs from standard input, a line of JSON each, and answers with exit status and number of
events. What a job imported is imported here, too: forking spares the jobs after it these seconds. It is safe only in
a process without threads.
"""

import contextlib
import importlib
import io
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

EVENTS = {"open", "os.rename", "os.remove", "os.truncate", "shutil.rmtree"}
"""What Python tells its audit hooks when a file changes. A repeated job makes fewer folders, so they do not count."""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
LIMIT = 300  # seconds of a job; SIGALRM ends one that hangs


def child(job: dict, end: Path) -> None:
    """Be the job: ``argv`` in the folder ``cwd``, its output to ``log``, a signal ``send`` just before event ``at``."""
    os.chdir(job["cwd"])
    signal.alarm(LIMIT)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdin = io.StringIO()  # the parent has read from its own
    count, mine, known = 0, os.getpid(), set(sys.modules)

    def hook(event: str, arguments: tuple) -> None:
        nonlocal count
        if event not in EVENTS or os.getpid() != mine or not isinstance(arguments[0], (str, bytes, Path)):
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))
        if not path.startswith(job["cwd"]) or (event == "open" and not (arguments[2] or 0) & WRITING):
            return
        count += 1
        if count == job.get("at"):
            os.kill(mine, job["send"])

    sys.addaudithook(hook)
    if job.get("clock") == "backwards":
        start, real = time.time(), time.time
        time.time = lambda: 2 * start - real() - 3600
    status = 70
    try:
        from sent.__main__ import main

        status = main(job["argv"])
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        end.write_text(json.dumps([count, [name for name in sys.modules if name not in known]]))
        os._exit(status)


def run(job: dict) -> tuple[int, int]:
    """Run a job; return its exit status (negative: a signal) and how many events it had, 0 where it was killed."""
    end = Path(f"{job['log']}.end")
    end.unlink(missing_ok=True)
    process = os.fork()
    if process == 0:
        child(job, end)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    events, modules = json.loads(end.read_text()) if end.exists() else (0, [])
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    return status, events


def main() -> None:
    """Run the jobs that standard input names."""
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()

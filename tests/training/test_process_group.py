"""Processes wait for one another within a limit, for the one that saves longer, and say where to look."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from sent.errors import SentError
from sent.training import step_log
from sent.training.process_group import one_error
from test_two_machines import free_port, options


def start(*command: str) -> list[subprocess.Popen]:
    """Start a command as two processes that exchange by gloo."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    place |= {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    return [
        subprocess.Popen(
            [sys.executable, *command], env={**os.environ, **place, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in "01"
    ]  # fmt: skip


@pytest.mark.slow
def test_one_that_stops_answering_ends_the_other_with_one_error(inputs, tmp_path):
    """The second process is stopped in the midst of training; nothing is sent, and no connection closes."""
    settings = {"process_timeout_minutes": 0.5, "steps": 100_000, "checkpoint_every": 0}
    first, second = start("-m", "sent", "train", *options(inputs, tmp_path, **settings))
    try:
        until = time.monotonic() + 200
        while not any(len(step_log.read(path)) > 1 for path in tmp_path.glob("checkpoints/*/metrics.jsonl")):
            assert time.monotonic() < until and first.poll() is second.poll() is None
            time.sleep(0.2)
        os.kill(second.pid, signal.SIGSTOP)
        output, _ = first.communicate(timeout=90)
    finally:
        for process in (first, second):
            process.kill()
            process.wait()
    assert first.returncode == 1
    errors = [line for line in output.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and "Traceback" not in output, output[-5000:]
    assert "process 0 of 2 waited for another one" in errors[0]
    assert "no answer in 0.5 minutes" in errors[0] and "py-spy dump" in errors[0]


@pytest.mark.slow
def test_the_one_that_saves_may_take_longer(tmp_path):
    first, second = start(str(Path(__file__).with_name("silence.py")), "0.2", str(tmp_path))
    output, _ = first.communicate(timeout=250)
    second.kill()
    assert "saved True" in second.communicate()[0]
    saved, error = [line for line in output.splitlines() if line.startswith(("saved", "error"))]
    assert (saved, first.returncode) == ("saved True", 0), (
        "the wait was longer than the limit of other exchanges"
    )
    assert "no answer in 0.2 minutes" in error


def test_other_errors_stay_what_they_are():
    two = SimpleNamespace(num_processes=2, process_index=1)
    told = r"process 1 of 2 .* gave no answer in 60 minutes .*closed by peer"
    with pytest.raises(SentError, match=told), one_error(two, 60):
        raise RuntimeError("[..] Connection closed by peer [127.0.0.1]:1")
    with pytest.raises(RuntimeError, match="shapes"), one_error(two, 60):
        raise RuntimeError("shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="timed out"), one_error(SimpleNamespace(num_processes=1), 60):
        raise RuntimeError("a server timed out")

"""GPUs handed out to local jobs: never one to two, never more than there are, and back when a job dies."""

import os
import signal
import subprocess
import sys
import time

import pytest
from sent import devices
from sent.errors import SentError

HOLD = """
import logging, os, sys
from pathlib import Path
from sent import devices
logging.basicConfig(level=logging.INFO)
held = devices.claim(int(sys.argv[2]), sys.argv[3].split(","), Path(sys.argv[1]))
print(*held, flush=True)
os.execvp("sleep", ["sleep", "60"])
"""


@pytest.fixture
def hold(tmp_path):
    """Start a process that claims GPUs, tells them, and becomes another program; all are killed at the end."""
    running = []

    def start(wanted: int, names: str) -> subprocess.Popen:
        command = [sys.executable, "-c", HOLD, str(tmp_path), str(wanted), names]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Set the number of GPUs, and variables; what the test's own environment says of either is put aside."""

    def set_up(count: int, **variables: str) -> None:
        for name in ("CUDA_VISIBLE_DEVICES", *devices.SCHEDULED):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
        for name, value in {devices.COUNT: str(count), **variables}.items():
            monkeypatch.setenv(name, value)

    return set_up


def held(process: subprocess.Popen) -> set[str]:
    return set(process.stdout.readline().split())


def test_jobs_at_once_get_different_gpus(hold):
    jobs = [hold(1, "0,1,2,3"), hold(2, "0,1,2,3"), hold(1, "0,1,2,3")]
    claims = [held(job) for job in jobs]
    assert [len(claim) for claim in claims] == [1, 2, 1]
    assert set.union(*claims) == {"0", "1", "2", "3"}


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_job_gives_its_gpu_to_the_one_that_waits(hold, end):
    first = hold(1, "0,1")
    (kept,) = held(first)
    second = hold(2, "0,1")
    time.sleep(1)
    assert second.poll() is None
    first.send_signal(end)
    assert held(second) == {"0", "1"}
    assert kept in {"0", "1"}
    assert "waiting for 1 GPU" in _stderr_after_kill(second)


def test_a_large_job_is_not_overtaken(hold):
    first = hold(1, "0,1")
    held(first)
    large = hold(2, "0,1")
    time.sleep(0.5)
    small = hold(1, "0,1")
    time.sleep(1)
    assert small.poll() is None and large.poll() is None
    first.kill()
    assert held(large) == {"0", "1"}
    large.kill()
    assert len(held(small)) == 1


def test_more_than_there_are_is_refused(machine):
    machine(2)
    with pytest.raises(SentError, match=r"asks for 3 GPUs, but 2 GPUs can be used on this machine; lower"):
        devices.assign(3)
    machine(0)
    with pytest.raises(SentError, match=r"asks for 1 GPU, but no GPUs can be used"):
        devices.assign(1)


def test_an_outer_choice_of_gpus_is_respected(machine):
    machine(2, CUDA_VISIBLE_DEVICES="5,GPU-0a1b")
    assert devices.visible() == ["5", "GPU-0a1b"]
    assert devices.assign(2) == ["5", "GPU-0a1b"]
    machine(2, CUDA_VISIBLE_DEVICES="7")
    with pytest.raises(
        SentError, match=r"asks for 2 GPUs, but 1 GPU can be used .*CUDA_VISIBLE_DEVICES is '7'"
    ):
        devices.assign(2)
    machine(2, CUDA_VISIBLE_DEVICES="")
    assert devices.visible() == []


@pytest.mark.parametrize("scheduler", devices.SCHEDULED)
def test_what_a_scheduler_has_assigned_is_taken_without_a_lock(machine, tmp_path, scheduler):
    machine(8, CUDA_VISIBLE_DEVICES="2,3", **{scheduler: "17"})
    assert devices.assign(2) == ["2", "3"]
    assert list(tmp_path.iterdir()) == []


def test_a_larger_allocation_is_shared_out_inside_of_it(machine):
    machine(4, SLURM_JOB_ID="17")
    assert devices.assign(1) != devices.assign(1)
    assert devices.lock_folder().name == f"sent-gpus-{os.getuid()}-17"


def test_without_a_gpu_pytorch_counts_none(machine, monkeypatch):
    torch = pytest.importorskip("torch")
    machine(0)
    monkeypatch.delenv(devices.COUNT)
    assert devices.visible() == [str(i) for i in range(torch.cuda.device_count())]


def _stderr_after_kill(process: subprocess.Popen) -> str:
    process.kill()
    return process.communicate()[1]

"""Training on two machines, played by two processes on this one: both find each other, and one result is written."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from jobs import SETTINGS, STEPS, arguments
from sent import tables

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def options(inputs, output, **settings) -> list[str]:
    given = vars(arguments(inputs, output, **settings))
    return [
        part
        for key, value in given.items()
        if value is not None and value is not False
        for part in (f"--{key.replace('_', '-')}", str(value))
    ]


@pytest.mark.slow
def test_two_machines_train_one_policy(inputs, tmp_path):
    config = ROOT / "config" / "accelerate" / "ddp.yaml"
    launch = ["launch", "--gpus", "0", "--nodes", "2", "--accelerate", str(config)]
    command = [sys.executable, "-m", "sent", *launch, "train", *options(inputs, tmp_path / "out")]
    place = {
        "ACCELERATE_USE_CPU": "true",
        "SLURM_JOB_ID": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
    }
    machines = [
        subprocess.Popen(
            command, env={**os.environ, **place, "SLURM_NODEID": rank, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in "01"
    ]  # fmt: skip
    outputs = [machine.communicate(timeout=280)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], "\n".join(outputs)[-6000:]
    summary = json.loads((tmp_path / "out" / "train.json").read_text())
    assert summary["processes"] == 2
    rows = tables.rows(tmp_path / "out" / "metrics.parquet")
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    assert (tmp_path / "out" / "policy" / "model.safetensors").is_file()
    assert summary["settings"]["prompts_per_step"] == SETTINGS["prompts_per_step"]

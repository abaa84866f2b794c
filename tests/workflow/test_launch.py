"""`sent launch`: the command that it becomes, on one machine and on several, and one clear error where it cannot."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sent import devices, launch_command
from sent.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
ACCELERATE = [sys.executable, "-m", "accelerate.commands.launch"]


@pytest.fixture
def launch(monkeypatch, tmp_path):
    """Run the command on a machine of ``gpus`` GPUs; return what it would become and its CUDA_VISIBLE_DEVICES."""
    for name in ("CUDA_VISIBLE_DEVICES", "MASTER_ADDR", "MASTER_PORT", "SLURM_NODEID", *devices.SCHEDULED):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "")  # undone after the test
    monkeypatch.delenv("TORCH_ELASTIC_SHUTDOWN_TIMEOUT")

    def run(*arguments: str, gpus: int, **variables: str):
        became = []
        monkeypatch.setattr(launch_command.os, "execv", lambda _, command: became.append(command))
        for name, value in {devices.COUNT: str(gpus), "CUDA_VISIBLE_DEVICES": None, **variables}.items():
            monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
        status = main(["launch", *arguments])
        return status, *(became or [None]), os.environ.get("CUDA_VISIBLE_DEVICES")

    return run


def test_one_gpu_is_one_process(launch):
    status, command, seen = launch("--gpus", "1", "sampling", "--shard", "1-of-2", gpus=4)
    assert status == 0
    assert command == [sys.executable, "-m", "sent", "sampling", "--shard", "1-of-2"]
    assert seen == "0"


def test_the_next_job_gets_the_next_gpus(launch):
    launch("--gpus", "1", "sampling", gpus=4)
    _, command, seen = launch("--gpus", "2", "--accelerate", "ddp.yaml", "train", "--seed", "3", gpus=4)
    assert seen == "1,2"
    assert command[:3] == ACCELERATE
    options = ["--config_file", "ddp.yaml", "--num_processes", "2", "--main_process_port", "0"]
    assert command[3:] == [*options, "-m", "sent", "train", "--seed", "3"]


def test_training_gets_the_time_to_save(launch):
    launch("--gpus", "2", "--accelerate", "ddp.yaml", "train", gpus=2)
    assert int(os.environ["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"]) == launch_command.SECONDS_TO_SAVE


def test_no_gpu_leaves_the_environment_alone(launch):
    assert launch("--gpus", "0", "sampling", gpus=0)[2] is None


def test_a_machine_of_several_is_told_its_place(launch, monkeypatch, tmp_path):
    (tmp_path / "scontrol").write_text('#!/bin/sh\n[ "$3" = "node[03-04]" ] && printf "node03\\nnode04\\n"\n')
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    place = {"SLURM_NODEID": "1", "SLURM_JOB_ID": "123456", "SLURM_STEP_NODELIST": "node[03-04]"}
    arguments = ("--gpus", "8", "--nodes", "2", "--accelerate", "fsdp2.yaml", "train")
    _, command, seen = launch(*arguments, gpus=4, **place)
    assert seen == "0,1,2,3"
    given = dict(zip(command[3:-3:2], command[4:-3:2], strict=True))
    assert given == {
        "--config_file": "fsdp2.yaml",
        "--num_processes": "8",
        "--num_machines": "2",
        "--machine_rank": "1",
        "--main_process_ip": "node03",
        "--main_process_port": "23456",
        "--deepspeed_multinode_launcher": "standard",
    }
    _, command, _ = launch(*arguments, gpus=4, **place, MASTER_ADDR="10.0.0.3", MASTER_PORT="29")
    assert command[command.index("--main_process_ip") + 1] == "10.0.0.3"
    assert command[command.index("--main_process_port") + 1] == "29"


@pytest.mark.parametrize(
    ("arguments", "variables", "error"),
    [
        (("--gpus", "3", "sampling"), {}, "asks for 3 GPUs, but 2 GPUs can be used"),
        (("--gpus", "3", "--nodes", "2", "train"), {}, "3 GPUs cannot be split evenly over 2 machines"),
        (("--gpus", "2"), {}, "no command given"),
        (("--gpus", "4", "--nodes", "2", "--accelerate", "x", "train"), {}, "2 machines need SLURM"),
        (
            ("--gpus", "4", "--nodes", "2", "--accelerate", "x", "train"),
            {"SLURM_NODEID": "0", "SLURM_JOB_ID": "1", "PATH": "/nowhere"},
            "set MASTER_ADDR",
        ),
    ],
)
def test_what_cannot_be_is_one_error(launch, capsys, arguments, variables, error):
    status, command, _ = launch(*arguments, gpus=2, **variables)
    assert (status, command) == (1, None)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert error in line


def test_as_a_program_it_refuses_before_anything_starts(tmp_path):
    command = [sys.executable, "-m", "sent", "launch", "--gpus", "2", "sampling"]
    environment = {**os.environ, devices.COUNT: "1", "TMPDIR": str(tmp_path)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1 and run.stderr.startswith("error: this job asks for 2 GPUs")


def test_as_a_program_it_becomes_the_command(tmp_path):
    command = [sys.executable, "-m", "sent", "launch", "--gpus", "1", "grading", "--help"]
    environment = {**os.environ, devices.COUNT: "1", "TMPDIR": str(tmp_path)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0
    assert "usage: python -m sent grading" in run.stdout
    assert "on GPU 0" in run.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", sorted((ROOT / "config" / "accelerate").glob("*.yaml")), ids=lambda path: path.stem
)
def test_accelerate_understands_its_files(path):
    from accelerate.commands.config.config_args import load_config_from_file

    found = load_config_from_file(str(path))
    kinds = {"single": "NO", "ddp": "MULTI_GPU", "zero3": "DEEPSPEED", "fsdp2": "FSDP", "multi_node": "FSDP"}
    assert found.distributed_type == kinds[path.stem]
    assert found.num_machines == (2 if path.stem == "multi_node" else 1)
    if path.stem == "multi_node":
        one_machine = load_config_from_file(str(path.with_stem("fsdp2")))
        assert found.fsdp_config == one_machine.fsdp_config

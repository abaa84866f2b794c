"""Run by ``accelerate launch`` in test_parallelism.py: updates or whole jobs, spread over processes.

    processes.py CLASS N update OUTPUT METHODS    weights after one step of plain gradient descent, by method
    processes.py CLASS N job ARGUMENTS [SIGNAL]   a training job; ARGUMENTS is JSON

CLASS and N are the parallelism and the number of processes that must come out of the launch.
"""

import argparse
import json
import os
import signal
import sys

import pytest
import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import DistributedType
from jobs import CoinGrader
from sent.grading import grader
from sent.training.parallelism import parallelism_of
from sent.training.stage import train_stage
from sent.training.update import Updater
from test_parallelism import after_one_step
from tiny import batch, flat_groups


def connect() -> None:
    """Join the processes, over gloo without GPUs. accelerate offers FSDP on GPUs only; PyTorch does it over gloo, too."""
    PartialState(cpu=not torch.cuda.is_available())
    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU


def update(output: str, methods: str) -> None:
    """Save the weights after an update by each method, the sequences shared out unevenly."""
    state = PartialState()
    mine = list(range(12))[state.process_index :: state.num_processes]
    if state.process_index == 1:
        mine = mine[:-1]  # shares need not be equal; the rest goes to process 0
    if state.process_index == 0:
        mine = [*mine, list(range(12))[1 :: state.num_processes][-1]]
    found = {
        method: after_one_step(method, batch().select(mine), micro_batch_tokens=40)
        for method in methods.split(",")
    }
    flat = flat_groups().select(mine)  # of two processes one has nothing that pulls
    found["flat"] = after_one_step("clip_higher", flat, micro_batch_tokens=20)
    if kind != "ShardedZero3":
        broken = batch().select(mine)
        if state.process_index == 1:
            broken.logp_ref[0] = float("inf")
        found["left out"] = after_one_step("grpo", broken, on_nonfinite="skip")
    if state.is_main_process:
        torch.save(found, output)


def job(arguments: str, send: str = "") -> None:
    """Train as a user's command would, graded by a checksum; SEND is a signal that stops it in its second step."""
    calls = 0
    original = Updater.update

    def counted(self, *args):
        nonlocal calls
        calls += 1
        if send and calls == 4 and PartialState().is_main_process:
            os.kill(os.getpid(), signal.Signals[send])
        return original(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grader, "Grader", CoinGrader)
        patch.setattr(Updater, "update", counted)
        train_stage(argparse.Namespace(**json.loads(arguments)))


kind, processes, do, *rest = sys.argv[1:]
connect()
found = Accelerator()
assert (type(parallelism_of(found)).__name__, found.num_processes) == (kind, int(processes))
{"update": update, "job": job}[do](*rest)
PartialState().wait_for_everyone()
PartialState().destroy_process_group()

"""A whole training stage on each device, and a restart after SIGTERM."""

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from jobs import STEPS, arguments
from safetensors.torch import load_file
from sent import tables


@pytest.fixture
def run(device):
    """Run jobs of jobs.py, each in a process of its own that sees the device; return status and events."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    if device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("jobs.py"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip

    def ask(args, at: int | None = None) -> tuple[int, list[str]]:
        job = {"args": vars(args), "at": at, "send": int(signal.SIGTERM)}
        print(json.dumps(job), file=server.stdin, flush=True)
        for line in server.stdout:
            with contextlib.suppress(ValueError):  # libraries print, too
                status, happened = json.loads(line)
                return status, happened
        raise AssertionError(f"the process of the jobs ended with {server.wait()}")

    yield ask
    server.stdin.close()
    server.wait(timeout=60)


@pytest.mark.slow
def test_a_stage_trains_and_goes_on_after_sigterm(run, inputs, tmp_path, device):
    def job(name: str, **settings):
        # A tiny model's 16-bit log-probabilities on a GPU are coarse: about 0.01 off on average.
        args = arguments(inputs, tmp_path / name, logprob_tolerance=0.1, **settings)
        args.model = json.dumps({"prompt": "{question}\n", "chat": False, "dtype": "bfloat16"})
        return args

    whole = job("whole", checkpoint_every=0)
    status, happened = run(whole)
    assert status == 0
    rows = tables.rows(whole.metrics)
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    assert all(math.isfinite(row["loss"]) and row["grad_norm"] > 0 and row["memory_mb"] > 0 for row in rows)
    assert all(row["sampler_gap"] < 0.05 for row in rows)  # rollouts come from the weights that are trained
    assert json.loads(Path(whole.summary).read_text())["device"].startswith(device)
    trained, start = (
        load_file(Path(folder) / "model.safetensors") for folder in (whole.output, whole.policy)
    )
    assert start.keys() <= trained.keys()
    assert all(weight.dtype == torch.bfloat16 and weight.isfinite().all() for weight in trained.values())
    assert max((trained[name].float() - start[name]).abs().max() for name in start) > 1e-3

    stopped = job("stopped", checkpoint_every=0)
    third_step = [place for place, event in enumerate(happened, 1) if event == "collect_step"][2]
    status, _ = run(stopped, at=third_step)
    assert status == 143 and not Path(stopped.output).exists()
    (state,) = [json.loads(p.read_text()) for p in Path(stopped.checkpoints).glob("*/step*/state.json")]
    assert state["step"] == 2
    status, again = run(stopped)
    assert status == 0
    assert again.count("collect_step") == STEPS - state["step"]  # none that was saved is done again
    resumed = tables.rows(stopped.metrics)
    assert [row["step"] for row in resumed] == list(range(1, STEPS + 1))
    for kept, row in zip(state["rows"], resumed, strict=False):
        assert {key: row[key] for key in kept} == kept

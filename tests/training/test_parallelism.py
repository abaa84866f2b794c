"""Copies on every process, FSDP2 and ZeRO-3 train alike, and go on alike after a kill."""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from jobs import TIMED, CoinGrader, arguments
from registry import METHODS, largest_bonus
from safetensors.torch import load
from sent import tables
from sent.config import Training
from sent.training.batch import Batch
from sent.training.parallelism import ShardedZero3, parallelism_of
from sent.training.policy import Policy
from sent.training.stage import train_stage
from sent.training.update import UpdateId, Updater
from tiny import batch, flat_groups, language_model

ROOT = Path(__file__).parents[2]
KINDS_OF_METHODS = ["grpo", "dr_grpo", "mask", "clip_cov", "sent", "gspo", "steer"]
"""One of each kind of selection, ratio and aggregation."""
CLASSES = {"ddp": "Replicated", "fsdp2": "FullyShardedFsdp2", "zero3": "ShardedZero3"}
ZERO3 = [
    pytest.mark.zero3,
    pytest.mark.skipif(
        not importlib.util.find_spec("deepspeed"), reason="needs DeepSpeed (`make test-zero3`)"
    ),
]


def after_one_step(method: str, mini_batch: Batch, **settings) -> dict[str, torch.Tensor]:
    """Return the weights after one step of plain gradient descent, whole, and the norm of the gradient."""
    accelerator = Accelerator()
    parallelism = parallelism_of(accelerator)
    # DeepSpeed's optimizer keeps float32 whatever the model has.
    dtype = torch.float32 if isinstance(parallelism, ShardedZero3) else torch.float64
    policy = Policy(language_model().to(dtype))
    optimizer = torch.optim.SGD(policy.parameters(), lr=1.0)
    policy, optimizer = parallelism.prepare(policy, optimizer, 1e9)
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    training = Training(prompts_per_step=2, minibatch_prompts=1, max_grad_norm=1e9, **settings)
    updater = Updater(accelerator, policy, optimizer, scheduler, METHODS[method], training)
    figures = updater.update(mini_batch, UpdateId(seed=0, stage=1, step=1, update=0), largest_bonus(method))
    weights = {name: value.clone().double() for name, value in parallelism.weights(policy, dtype)}
    return weights | {"norm": torch.tensor(figures.get("grad_norm", 0.0), dtype=torch.float64)}


def launch(kind: str, processes: int, *arguments: str, mixed_precision: str = "no") -> subprocess.Popen:
    """Start tests/training/processes.py on several processes, laid out by config/accelerate/KIND.yaml."""
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.getenv("PYTHONPATH")])])
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--config_file", f"{ROOT}/config/accelerate/{kind}.yaml",
        "--num_processes", str(processes), "--mixed_precision", mixed_precision, "--main_process_port", "0",
        str(Path(__file__).parent / "processes.py"), CLASSES[kind], str(processes), *arguments,
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths, "DS_ACCELERATOR": "cpu"}
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen) -> None:
    output, _ = process.communicate(timeout=280)
    assert process.returncode == 0, output[-25000:]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "processes"),
    [("ddp", 2), ("ddp", 3), ("fsdp2", 3), pytest.param("zero3", 2, marks=ZERO3)],
)
def test_an_update_is_the_same_however_it_is_spread(kind, processes, tmp_path):
    methods = KINDS_OF_METHODS if kind == "zero3" else METHODS  # DeepSpeed takes seconds to set up for each
    finish(launch(kind, processes, "update", str(tmp_path / "weights.pt"), ",".join(methods)))
    spread = torch.load(tmp_path / "weights.pt", weights_only=True)
    if kind != "zero3":
        for name, value in language_model().named_parameters():
            assert torch.equal(spread["left out"][name], value.detach()), "one process's infinity stops all"
    for method in [*methods, "flat"]:
        flat = method == "flat"
        alone = after_one_step("clip_higher", flat_groups()) if flat else after_one_step(method, batch())
        assert alone["norm"] > 1e-3
        # Of the gradient's norm: the model's norms round to float32, which batches of other shapes may tip.
        tolerance = (1e-6 if kind != "zero3" else 2e-5) * float(alone["norm"])
        assert spread[method].keys() == alone.keys()
        for name, value in alone.items():
            assert (value - spread[method][name]).abs().max() <= tolerance, (method, name)


OFFLOAD = {"offload": ["optimizer", "reference"]}
JOBS = {
    "ddp": OFFLOAD,
    "fsdp2": {"lora": {"rank": 2, "alpha": 4}, "keep": "best_probe", **OFFLOAD},
    "zero3": OFFLOAD,
}
"""Settings of the job that is killed: adapters are merged from pieces, and the best policy is kept from them, too."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["ddp", "fsdp2", pytest.param("zero3", marks=ZERO3)])
def test_a_killed_job_of_two_processes_ends_with_the_same_bits(kind, inputs, tmp_path):
    """SIGTERM saves at the end of the step; SIGKILL loses what came after the last checkpoint."""
    checkpoint_every, send = (0, "SIGTERM") if kind == "ddp" else (1, "SIGKILL")

    def job(folder: str) -> argparse.Namespace:
        settings = {"steps": 3, "checkpoint_every": checkpoint_every, **JOBS[kind]}
        return arguments(inputs, tmp_path / folder, {"n": 2, "every": 2}, **settings)

    finish(launch(kind, 2, "job", json.dumps(vars(job("whole")))))
    killed = launch(kind, 2, "job", json.dumps(vars(job("killed"))), send)
    output, _ = killed.communicate(timeout=200)
    assert killed.returncode != 0
    assert not (tmp_path / "killed" / "policy").exists()
    (saved,) = (tmp_path / "killed").glob("checkpoints/*/step*")
    assert saved.name == ("step000002" if kind == "ddp" else "step000001"), output[-25000:]
    finish(launch(kind, 2, "job", json.dumps(vars(job("killed")))))

    def results(folder: str) -> tuple[bytes, list[dict], list[dict]]:
        rows = tables.rows(tmp_path / folder / "metrics.parquet")
        probed = tables.rows(tmp_path / folder / "probe.parquet", tables.PROBE)
        kept = [{k: v for k, v in row.items() if not k.startswith(TIMED)} for row in rows]
        kept += tables.rows(tmp_path / folder / "rollouts.parquet")
        return (tmp_path / folder / "policy" / "model.safetensors").read_bytes(), kept, probed

    assert results("killed") == results("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sent.grading.grader.Grader", CoinGrader)
        train_stage(job("alone"))
    (spread_weights, spread, probed), (alone_weights, alone, probed_alone) = (
        results("whole"),
        results("alone"),
    )
    assert [row["step"] for row in probed] == [step for step in (0, 2, 3) for _ in range(5)]
    # Of the policy that all start from; later ones are equal up to the rounding of sums, and may answer otherwise.
    for row, row_alone in zip(probed[:5], probed_alone[:5], strict=True):
        assert row == row_alone | {"token_entropy": pytest.approx(row_alone["token_entropy"], rel=1e-6)}
    for name in (
        "reward",
        "response_tokens",
        "entropy",
        "kl_reference",
        "grad_norm",
        "loss",
        "covariance_p99",
    ):
        assert spread[0][name] == pytest.approx(alone[0][name], rel=1e-4, abs=1e-6), name
    assert load(spread_weights).keys() == load(alone_weights).keys()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
def test_fsdp2_in_16_bits_logs_what_float32_does(inputs, tmp_path):
    job = arguments(inputs, tmp_path / "half", steps=1, logprob_tolerance=1.0)
    job.model = job.model.replace("float32", "bfloat16")
    finish(launch("fsdp2", 1, "job", json.dumps(vars(job)), mixed_precision="bf16"))
    (half,) = tables.rows(job.metrics)
    job = arguments(inputs, tmp_path / "whole", steps=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sent.grading.grader.Grader", CoinGrader)
        train_stage(job)
    (whole,) = tables.rows(job.metrics)
    assert half["entropy"] == pytest.approx(whole["entropy"], rel=0.02)
    assert half["entropy"] != whole["entropy"]
    # A token drawn otherwise in 16 bits changes the checksum of its text, and with it the reward: 0.468 and 0.621 on an H200.
    assert half["grad_norm"] == pytest.approx(whole["grad_norm"], rel=0.5)

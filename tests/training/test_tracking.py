"""Trackers show one run a job, under its name, in which an interrupted job goes on."""

import importlib.util
import json

import pytest
from accelerate import Accelerator
from jobs import CoinGrader, arguments
from sent.config import Training
from sent.training.checkpoint import Checkpoints
from sent.training.command import run
from sent.training.tracking import Tracking

CONFIG = {"method": {"clip_low": 0.2, "label": None}, "training": {"lr": 1e-6, "trackers": ["wandb"]}}


def tracked(tracker: str, folder, key: str = "key", step: int = 0, stage: int = 1) -> Tracking:
    """Start a job's tracking, or go on after a step, and log the next two."""
    accelerator = Accelerator(cpu=True, log_with=tracker, project_dir=folder)
    settings = Training(trackers=[tracker])
    tracking = Tracking(accelerator, settings, "toy/tiny/grpo/seed0", stage, CONFIG, folder)
    tracking.start(Checkpoints(folder / "checkpoints", key, "code"), step)
    for number in (step + 1, step + 2):
        tracking.log({"step": number, "reward": number / 10 + step})
    return tracking


def rewards(folder) -> list[tuple[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    return [(event.step, round(event.value, 3)) for event in events.Scalars("reward")]


def test_tensorboard_shows_no_step_twice(tmp_path):
    tracked("tensorboard", tmp_path).end()
    assert rewards(tmp_path / "sent") == [(1, 0.1), (2, 0.2)]
    tracked("tensorboard", tmp_path, step=1).end()  # killed after step 2, and gone on from step 1
    assert rewards(tmp_path / "sent") == [(1, 0.1), (2, 1.2), (3, 1.3)]


def test_a_job_logs_every_step(inputs, tmp_path, monkeypatch):
    monkeypatch.setattr("sent.grading.grader.Grader", CoinGrader)
    run(arguments(inputs, tmp_path, steps=2, trackers=["tensorboard"]))
    assert [step for step, _ in rewards(tmp_path / "sent")] == [1, 2]


@pytest.mark.skipif(not importlib.util.find_spec("wandb"), reason="needs wandb (`pip install wandb`)")
def test_wandb_goes_on_in_the_same_run(tmp_path, monkeypatch):
    """Offline: what would be sent to the server lies in a folder named by the run's id."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    seen = []
    for change in ({}, {"step": 1}, {"key": "other"}, {"stage": 2}):
        tracking = tracked("wandb", tmp_path, **change)
        wandb = tracking.accelerator.get_tracker("wandb", unwrap=True)
        seen.append((wandb.id, wandb.name, wandb.group, wandb.tags))
        assert wandb.config["training.lr"] == 1e-6 and wandb.config["training.trackers"] == '["wandb"]'
        assert wandb.config["method.label"] == json.dumps(None)
        tracking.end()
    ids = [run_id for run_id, *_ in seen]
    assert ids[0] == ids[1] and len(set(ids)) == 3
    assert seen[0][1:] == ("toy/tiny/grpo/seed0", "toy/tiny/grpo", ("toy", "tiny", "grpo", "seed0", "stage1"))
    assert seen[3][1] == "toy/tiny/grpo/seed0/stage2"
    assert all(list(tmp_path.glob(f"wandb/offline-run-*-{run_id}")) for run_id in ids)

"""Steps logged to TensorBoard or Weights & Biases: one run a job, in which the same job, interrupted, goes on."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from sent.config import Training
from sent.errors import SentError
from sent.training.checkpoint import Checkpoints, key_of

PROJECT = "sent"


def check_installed(settings: Training) -> None:
    """Raise :class:`SentError` if a tracker that is asked for is not there."""
    for tracker in settings.trackers:
        if importlib.util.find_spec(tracker) is None:
            raise SentError(
                f"training.trackers: {tracker} is not installed; `pip install {tracker}`, or leave it out"
            )


class Tracking:
    """The trackers of a job.

    ``name`` is EXPERIMENT/MODEL/METHOD/seedN; runs that differ in the seed alone are a group. ``config`` is shown beside the
    run, ``folder`` gets the files.
    """

    def __init__(
        self, accelerator: Accelerator, settings: Training, name: str, stage: int, config: dict, folder: Path
    ):
        self.accelerator, self.is_on = accelerator, bool(settings.trackers)
        self.name, self.stage, self.config, self.folder = name, stage, config, folder

    def start(self, checkpoints: Checkpoints, step: int) -> None:
        """Begin a run, or go on with it after ``step``.

        Its id is made of name, stage, settings, data and the first code that worked on it: a job that starts over with other
        ones has a run of its own.
        """
        if not self.is_on:
            return
        run = self.name if self.stage == 1 else f"{self.name}/stage{self.stage}"
        identity = {"run": run, "key": checkpoints.key, "code": checkpoints.codes[0]}
        wandb = {
            "name": run,
            "group": self.name.rpartition("/")[0] or self.name,
            "tags": [part[:64] for part in (*self.name.split("/"), f"stage{self.stage}")],
            "id": key_of(identity),
            "resume": "allow",
            "dir": str(self.folder),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard drops what was logged after the step that the job goes on from.
        options = {"wandb": wandb, "tensorboard": {"purge_step": step + 1}}
        self.accelerator.init_trackers(PROJECT, dict(_flat(self.config)), options)

    def log(self, row: dict) -> None:
        """Log a step."""
        if self.is_on:
            self.accelerator.log({k: v for k, v in row.items() if k != "step"}, step=row["step"])

    def end(self) -> None:
        """Close the runs."""
        if self.is_on:
            self.accelerator.end_training()


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str | int | float | bool]]:
    """The values of nested settings under dotted names; trackers take numbers, texts and truth values."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value if isinstance(value, str | int | float | bool) else json.dumps(value)

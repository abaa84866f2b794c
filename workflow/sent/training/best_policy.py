"""The policy of the best probed step, kept on the disk while training goes on."""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from sent.tables import atomic

NAME = "best.safetensors"


class BestPolicy:
    """One copy of weights in a job's folder, and in each of its checkpoints a link to the copy of that time.

    A job that goes on from a checkpoint finds the best policy as it was then, whatever a killed one has written since.
    """

    def __init__(self, folder: Path, weights: Callable[[], dict[str, Tensor]], is_main: bool):
        self.path, self.weights, self.is_main = folder / NAME, weights, is_main

    def keep(self) -> None:
        """Keep the policy as it is now instead of the one before; to be called on all processes."""
        from safetensors.torch import save_file

        weights = self.weights()
        if self.is_main:
            with atomic(self.path) as temporary:
                save_file({name: value.contiguous() for name, value in weights.items()}, temporary)

    def save(self, checkpoint: Path) -> list[str]:
        """Put it into a checkpoint, if there is one yet; return its name."""
        if not (self.is_main and self.path.is_file()):
            return []
        _link(self.path, checkpoint / NAME)
        return [NAME]

    def resume(self, checkpoint: Path | None) -> None:
        """Go back to that of a checkpoint, or to none."""
        if self.is_main:
            self.remove()
            if checkpoint is not None and (checkpoint / NAME).is_file():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                _link(checkpoint / NAME, self.path)

    def read(self) -> dict[str, Tensor]:
        """Return its weights; nothing on processes other than the main one."""
        from safetensors.torch import load_file

        return load_file(self.path) if self.is_main else {}

    def remove(self) -> None:
        """Remove the copy; those of checkpoints go with them."""
        self.path.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    with contextlib.suppress(OSError):
        os.link(source, target)
        return
    shutil.copyfile(source, target)

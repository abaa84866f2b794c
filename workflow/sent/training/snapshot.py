"""The tensors of a training job as files: what is trained, and the optimizer's state of it, safetensors alone.

Everything else that steps depend on is in the checkpoint's state.json: frozen weights come from the policy's folder,
and random numbers from :mod:`sent.seeding`. A process of a split model writes and reads its own pieces.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from sent.errors import SentError
from sent.models.folder import reading
from sent.training.offloaded_adamw import OffloadedAdamW
from sent.training.pieces import like, own

WEIGHTS = "weights"
OPTIMIZER = ("exp_avg", "exp_avg_sq", "step")
"""AdamW's state of each weight; of all or of none, for one that has had no gradient yet."""
KINDS = {torch.float32: "F32", torch.float64: "F64", torch.bfloat16: "BF16", torch.float16: "F16"}
"""Number formats by their names in safetensors."""
NAMED = 3
"""Tensors of a kind that an error names."""


class Snapshot:
    """Writes and reads weights and optimizer of ``policy``, laid out by ``parallelism``."""

    def __init__(self, parallelism: Any, policy: Any, optimizer: Any):
        self.parallelism, self.policy, self.optimizer = parallelism, policy, optimizer
        process = parallelism.accelerator.process_index
        self.writes = parallelism.is_sharded or process == 0
        piece = process if parallelism.is_sharded else 0
        self.files = {kind: f"{kind}-{piece:05d}.safetensors" for kind in (WEIGHTS, *OPTIMIZER)}
        """The files that this process reads, and writes if it does at all, by kind."""

    def write(self, folder: Path) -> list[str]:
        """Write this process's files; return their names. One kind at a time is copied to main memory."""
        if not self.writes:
            return []
        trained, states = self._trained(), self._states()
        for kind, file in self.files.items():
            values = {
                name: value if kind == WEIGHTS else states[value][kind]
                for name, value in trained.items()
                if kind == WEIGHTS or kind in states.get(value, {})
            }
            save_file(
                {name: own(value).to("cpu", copy=True) for name, value in values.items()}, folder / file
            )
        return list(self.files.values())

    def read(self, folder: Path) -> Callable[[], None]:
        """Check the files against the policy; return what puts them into it and into the optimizer.

        Raises :class:`SentError` that names tensors that are missing, not expected or of another shape or kind, and
        files that are no safetensors. Nothing has changed then.
        """
        trained = self._trained()
        weights = self._shapes(folder, WEIGHTS)
        _fit(
            folder / self.files[WEIGHTS],
            weights,
            {name: _kind(own(value)) for name, value in trained.items()},
        )
        moments = self._shapes(folder, OPTIMIZER[0])
        for kind in OPTIMIZER:
            expected = {
                name: ([], "F32") if kind == "step" else _kind(own(trained[name]))
                for name in moments
                if name in trained
            }
            _fit(folder / self.files[kind], self._shapes(folder, kind), expected)
        return lambda: self._restore(folder, set(moments))

    @torch.no_grad()
    def _restore(self, folder: Path, moved: set[str]) -> None:
        trained, states = self._trained(), self._states()
        offloaded = isinstance(getattr(self.optimizer, "optimizer", self.optimizer), OffloadedAdamW)
        with self.parallelism.overwriting(self.policy):
            for kind, file in self.files.items():
                with safe_open(folder / file, framework="pt") as tensors:
                    for name, value in trained.items():
                        if kind == WEIGHTS:
                            own(value).copy_(tensors.get_tensor(name))
                        elif name in moved:
                            piece = tensors.get_tensor(name)
                            states[value][kind] = piece if offloaded else like(value, piece)
                        else:
                            states.pop(value, None)

    def _trained(self) -> dict[str, Tensor]:
        return self.parallelism.trained(self.policy)

    def _states(self) -> dict[Tensor, dict[str, Tensor]]:
        return self.parallelism.optimizer_states(self.policy, self.optimizer)

    def _shapes(self, folder: Path, kind: str) -> dict[str, tuple[list[int], str]]:
        path = folder / self.files[kind]
        with reading(f"{path}: no readable safetensors"), safe_open(path, framework="pt") as tensors:
            slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118
            return {name: (part.get_shape(), part.get_dtype()) for name, part in slices.items()}


def _kind(value: Tensor) -> tuple[list[int], str]:
    return list(value.shape), KINDS[value.dtype]


def _fit(path: Path, found: dict, expected: dict) -> None:
    wrong = [
        f"{len(names)} {what} ({', '.join(sorted(names)[:NAMED])}{', ...' if len(names) > NAMED else ''})"
        for what, names in (
            ("missing", expected.keys() - found.keys()),
            ("not expected", found.keys() - expected.keys()),
            (
                "of another shape",
                {n for n in found.keys() & expected.keys() if tuple(found[n]) != tuple(expected[n])},
            ),
        )
        if names
    ]
    if wrong:
        raise SentError(f"{path}: its tensors are not those of this training: {'; '.join(wrong)}")

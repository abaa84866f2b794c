"""How long processes wait for one another, and what is said when one does not answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs

from sent.errors import SentError

MINUTES_TO_SAVE = 240
"""Longest wait for the process that writes a checkpoint to the disk alone, whatever `process_timeout_minutes` says."""

SILENCE = ("timed out", "connection closed by peer", "connection reset by peer", "broken pipe")
"""What gloo and NCCL say, in small letters, of a process that does not answer or is gone."""


def group_options(minutes: float) -> InitProcessGroupKwargs:
    """Return accelerate's option by which every exchange ends with an error after so many minutes, by gloo or NCCL."""
    return InitProcessGroupKwargs(timeout=timedelta(minutes=minutes))


def patient_barrier(accelerator: Accelerator, minutes: float) -> Callable[[], None]:
    """Return a barrier that waits for hours, for one process may have a large checkpoint to flush to a slow disk.

    It is a group of its own, over gloo on GPUs, too: there a wait takes none of the GPU's time.
    """
    if accelerator.num_processes == 1 or not torch.distributed.is_initialized():
        return accelerator.wait_for_everyone
    limit = timedelta(minutes=max(minutes, MINUTES_TO_SAVE))
    group = torch.distributed.new_group(backend="gloo", timeout=limit)
    return lambda: torch.distributed.barrier(group)


@contextmanager
def one_error(accelerator: Accelerator, minutes: float) -> Iterator[None]:
    """Turn what the backend raises of a process that is silent or gone into one :class:`SentError`."""
    try:
        yield
    except RuntimeError as error:  # torch.distributed.DistError is one
        said = " ".join(str(error).split())
        if accelerator.num_processes == 1 or not any(words in said.lower() for words in SILENCE):
            raise
        raise SentError(
            f"training: process {accelerator.process_index} of {accelerator.num_processes} waited for another one that is "
            f"gone, or gave no answer in {minutes:g} minutes (training.process_timeout_minutes): {said[:200]}. Look for an "
            "earlier error in this log, for a process killed for its memory (dmesg), and at where one hangs (py-spy dump --pid, "
            "nvidia-smi). The last checkpoint is kept; the same command goes on from there"
        ) from None

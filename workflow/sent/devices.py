"""GPUs of this machine, shared out among jobs that no scheduler has assigned any.

Snakemake counts the GPUs of local jobs but assigns none: two jobs of one GPU each would both take the first. A
job here locks a file for each GPU that it takes. The kernel drops the locks when the process ends, in whatever
way, so a killed job leaves no GPU behind.
"""

import fcntl
import os
import tempfile
import time
from pathlib import Path

from sent.errors import SentError
from sent.log import logger

SCHEDULED = ("SLURM_JOB_ID", "KUBERNETES_SERVICE_HOST", "AWS_BATCH_JOB_ID", "BATCH_JOB_UID")
"""Variables that schedulers (SLURM, Kubernetes, AWS Batch, Google Batch) set in jobs, which see just their own GPUs."""

COUNT = "SENT_GPU_COUNT"
"""Variable that overrides the number of GPUs that PyTorch finds: to try out a launch on a machine without."""


def visible() -> list[str]:
    """Return the GPUs that this process may use, named as in CUDA_VISIBLE_DEVICES, which is respected."""
    outer = os.environ.get("CUDA_VISIBLE_DEVICES")
    named = None if outer is None else [name.strip() for name in outer.split(",") if name.strip()]
    if COUNT in os.environ:
        count = int(os.environ[COUNT])
    else:
        import torch

        count = torch.cuda.device_count()
    return [str(i) for i in range(count)] if named is None else named[:count]


def assign(wanted: int) -> list[str]:
    """Return ``wanted`` GPUs for this job, locked for the life of the process.

    They are claimed from the visible ones (see :func:`claim`), except where a scheduler shows a job just as many
    as it asked for: those are its own. Raises :class:`SentError` if fewer are visible.
    """
    names = visible()
    if len(names) < wanted:
        outer = os.environ.get("CUDA_VISIBLE_DEVICES")
        shown = "" if outer is None else f" (CUDA_VISIBLE_DEVICES is '{outer}')"
        raise SentError(
            f"this job asks for {_gpus(wanted)}, but {_gpus(len(names))} can be used on this machine{shown}; lower "
            "resources.gpus or sampling_gpus of the model in config/models.yaml, or run it where there are more"
        )
    if len(names) == wanted and any(name in os.environ for name in SCHEDULED):
        return names
    return claim(wanted, names, lock_folder())


def lock_folder() -> Path:
    """Return the folder of this user's locks; in a SLURM job, of the job's, whose GPUs are numbered from 0 anew."""
    job = os.environ.get("SLURM_JOB_ID")
    return Path(tempfile.gettempdir()) / f"sent-gpus-{os.getuid()}{f'-{job}' if job else ''}"


def claim(wanted: int, names: list[str], folder: Path) -> list[str]:
    """Lock ``wanted`` of the GPUs ``names`` and return them; wait while other jobs hold too many.

    Waiting jobs queue, so that one that needs many GPUs is not overtaken for ever by those that need one. The locks
    last as long as this process, also through ``exec``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    claimed: dict[str, int] = {}
    with (folder / "queue").open("w", encoding="utf-8") as queue:
        if not _lock(queue.fileno(), wait=False):
            logger.info("waiting for other jobs that wait for GPUs")
            _lock(queue.fileno(), wait=True)
        told = False
        while len(claimed) < wanted:
            _claim_free(claimed, wanted, names, folder)
            if len(claimed) < wanted:
                if not told:
                    logger.info("waiting for %s, which other jobs hold", _gpus(wanted - len(claimed)))
                told = True
                time.sleep(0.5)
    for descriptor in claimed.values():
        os.set_inheritable(descriptor, True)
    return [name for name in names if name in claimed]


def _claim_free(claimed: dict[str, int], wanted: int, names: list[str], folder: Path) -> None:
    """Add to ``claimed`` (lock's file descriptor by GPU) what is free, up to ``wanted`` in all."""
    for name in names:
        if len(claimed) == wanted:
            return
        if name not in claimed:
            descriptor = os.open(folder / name.replace("/", "_"), os.O_RDWR | os.O_CREAT, 0o600)
            if _lock(descriptor, wait=False):
                claimed[name] = descriptor
            else:
                os.close(descriptor)


def _lock(descriptor: int, wait: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _gpus(count: int) -> str:
    return f"{count} GPU" if count == 1 else f"{count or 'no'} GPUs"

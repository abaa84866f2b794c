"""Processes that each hold the NLI model: one a GPU where there are GPUs, else as many as asked."""

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from sent.errors import SentError
from sent.log import logger

_scorer = None
"""The model of this worker process."""


class Workers:
    """Scores batches in order, in this process (``processes`` 1) or split over several."""

    def __init__(self, folder: str | Path, precision: str, processes: int):
        import torch

        gpus = torch.cuda.device_count()
        if gpus and processes > gpus:
            logger.warning("entailment: %d processes asked for, %d GPUs: one process a GPU", processes, gpus)
            processes = gpus
        devices = [f"cuda:{i}" for i in range(processes)] if gpus else ["cpu"] * processes
        self.pool = None
        if processes == 1:
            from sent.semantic_entropy.entailment.scorer import Scorer

            self.scorer = Scorer(folder, devices[0], precision)
            return
        # Forked children of a process that uses torch's threads or CUDA may hang: start them anew.
        context = multiprocessing.get_context("spawn")
        queue = context.Queue()
        for device in devices:
            queue.put(device)
        threads = max(1, torch.get_num_threads() // processes)
        self.pool = ProcessPoolExecutor(processes, context, _start, (queue, folder, precision, threads))

    def score(self, batches: list[list[tuple[str, str]]]) -> Iterator:
        """Yield the :class:`Scores` of each batch, in order. Raises :class:`SentError` where a process dies."""
        if self.pool is None:
            yield from map(self.scorer.score, batches)
            return
        try:
            yield from self.pool.map(_score, batches)
        except BrokenProcessPool:
            raise SentError(
                "entailment: a process that holds the entailment model died, most likely for lack of memory; "
                "lower `processes` or `batch_tokens`"
            ) from None

    def close(self) -> None:
        """End the worker processes."""
        if self.pool:
            self.pool.shutdown(cancel_futures=True)


def _start(queue: Any, folder: str | Path, precision: str, threads: int) -> None:
    # Ctrl-C reaches all processes; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import torch

    from sent.semantic_entropy.entailment.scorer import Scorer

    global _scorer
    torch.set_num_threads(threads)
    _scorer = Scorer(folder, queue.get(), precision)


def _score(batch: list) -> Any:
    assert _scorer is not None, "each process starts with its own"
    return _scorer.score(batch)

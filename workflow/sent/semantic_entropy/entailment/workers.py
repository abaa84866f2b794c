"""Processes that each hold the NLI model: one a GPU where there are GPUs, else as many as asked."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

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
        """Yield the :class:`Scores` of each batch, in order."""
        if self.pool is None:
            return map(self.scorer.score, batches)
        return self.pool.map(_score, batches)

    def close(self) -> None:
        """End the worker processes."""
        if self.pool:
            self.pool.shutdown(cancel_futures=True)


def _start(queue, folder, precision, threads) -> None:
    import torch

    from sent.semantic_entropy.entailment.scorer import Scorer

    global _scorer
    torch.set_num_threads(threads)
    _scorer = Scorer(folder, queue.get(), precision)


def _score(batch):
    return _scorer.score(batch)

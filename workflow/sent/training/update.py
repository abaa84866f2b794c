"""One optimizer update: statistics of the mini-batch over all processes, weights of tokens, micro-batches, step."""

import math
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

import numpy as np
import torch
from accelerate.utils import gather_object, reduce
from torch import Tensor

from sent.batching import by_token_budget
from sent.config import Method, Training
from sent.errors import SentError
from sent.seeding import seed_of
from sent.training import recipe
from sent.training.batch import Batch
from sent.training.loss import averages, method_loss
from sent.training.parallelism import parallelism_of
from sent.training.policy import Sequences
from sent.training.weighing import NonFiniteError, weighed


class UpdateId(NamedTuple):
    """Which optimizer update of a run: what its random choices are seeded by."""

    seed: int
    stage: int
    """From 1."""
    step: int
    """Rollout of the stage, from 1."""
    update: int
    """Update on that rollout, from 0."""


class Updater:
    """Scores sequences and updates the policy, on any number of processes."""

    def __init__(self, accelerator, policy, optimizer, scheduler, method: Method, settings: Training):
        self.accelerator, self.policy = accelerator, policy
        self.parallelism = parallelism_of(accelerator)
        self.optimizer, self.scheduler = optimizer, scheduler
        self.method, self.settings = method, settings

    @torch.no_grad()
    def score(self, policy, batch: Batch, need_entropy: bool = True) -> tuple[Tensor, Tensor | None]:
        """Return log-probabilities and entropies of every response token ``[N]``, without gradients."""
        found = [torch.zeros(len(batch.ids)) for _ in range(1 + need_entropy)]
        for rows, sequences in self._batches(batch, self.settings.scoring_batch_tokens):
            places = batch.tokens_of(rows)
            for values, new in zip(found, policy(sequences, need_entropy), strict=False):
                values[places] = new.float().cpu()
        return found[0], found[1] if need_entropy else None

    def update(
        self, batch: Batch, which: UpdateId, entropy_coefficient: float | None = None
    ) -> dict[str, float]:
        """Take one optimizer step on a mini-batch; return figures for the log.

        Tokens are weighed by the statistics of all processes, so it does not matter how the mini-batch is split.
        Raises :class:`SentError` before the step if the loss or the gradient is not finite.
        """
        logp, entropy = batch.logp_old, batch.entropy_old
        if which.update > 0 and recipe.needs_current_policy(self.method):
            logp, entropy = self.score(self.policy, batch)
        try:
            seed = seed_of("weights of tokens", *which)
            batch, figures = weighed(self.method, batch, logp, entropy, seed, gather_object)
        except NonFiniteError as error:
            self._refuse(batch, set(error.keys), str(error), which)
        world, device = self.accelerator.num_processes, self.accelerator.device
        totals: dict[str, Tensor] = {}
        micro_batches = list(self._batches(batch, self.settings.micro_batch_tokens))
        for number, (rows, sequences) in enumerate(micro_batches):
            is_last = number == len(micro_batches) - 1
            with self.parallelism.exchanging(self.policy, is_last):
                logp, entropy = self.policy(sequences, recipe.needs_entropy_gradient(self.method))
                part = batch.select(rows).to(device)
                loss, sums = method_loss(
                    self.method, logp, entropy, part, self.settings.importance_cap, entropy_coefficient
                )
                self.parallelism.backward(self.policy, loss * world, is_last)
            for key, value in sums.items():
                totals[key] = totals.get(key, 0) + value
        summed = {k: reduce(v, reduction="sum").item() for k, v in sorted(totals.items())}
        metrics = averages(summed)
        metrics["loss"] = sum(v for k, v in metrics.items() if k.startswith("loss_"))
        metrics["grad_norm"] = self._step(batch, metrics["loss"], which)
        return figures | metrics

    def _step(self, batch: Batch, loss: float, which: UpdateId) -> float:
        def check(value: float, what: str = "gradient norm") -> None:
            if not math.isfinite(value):
                self._refuse(batch, None, f"{what} {value} is not finite", which)

        check(loss, "loss")
        norm = self.parallelism.step(self.policy, self.optimizer, self.settings.max_grad_norm, check)
        self.scheduler.step()
        return norm

    def _refuse(self, batch: Batch, keys: set[int] | None, what: str, which: UpdateId) -> NoReturn:
        """Stop before the weights are kept; name the questions of the sequences ``keys``, or of the whole mini-batch."""
        own = [
            question
            for key, question in zip(batch.keys.tolist(), batch.questions, strict=True)
            if keys is None or key in keys
        ]
        questions = sorted(set(gather_object(own)))
        shown = ", ".join(questions[:20]) + (" ..." if len(questions) > 20 else "")
        raise SentError(
            f"training: step {which.step}, update {which.update}: {what}. Nothing was saved after this update, and "
            f"the last checkpoint is kept. Questions: {shown}. Look at them, or lower the learning rate"
        ) from None

    def _batches(self, batch: Batch, budget: int) -> Iterator[tuple[list[int], Sequences]]:
        """Yield (sequence numbers, sequences). Every process yields the same number of batches.

        Where a process has fewer, it adds batches without a response, so that collective operations stay in step.
        """
        lengths = batch.lengths + np.array(list(map(len, batch.prompts)), dtype=np.int64)
        batches = by_token_budget(lengths.tolist(), budget)
        most = max(gather_object([len(batches)]))
        for rows in [*batches, *([[]] * (most - len(batches)))]:
            yield rows, Sequences.of(batch.select(rows), self.accelerator.device)

"""One optimizer update: statistics of the mini-batch over all processes, weights of tokens, micro-batches, step."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object, reduce
from torch import Tensor

from sent.batching import by_cost, by_sum
from sent.config import Method, Training
from sent.errors import SentError
from sent.log import logger
from sent.seeding import seed_of
from sent.training import recipe
from sent.training.batch import Batch, ScoredBatch
from sent.training.loss import averages, method_loss, pulling
from sent.training.parallelism import parallelism_of
from sent.training.policy import Sequences
from sent.training.warnings import SPIKE
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


PASS_TOKENS = 512
"""What a pass costs beside its tokens, in tokens: 350 on a CPU with 0.1M parameters; calls of kernels, and exchanges of split
models, make it a few hundred on GPUs, too. Padding that costs more is worth another pass."""

SKIPPED_IN_A_ROW = 5
"""Updates that are not finite, one after the other, before training stops whatever `on_nonfinite` says."""


class Updater:
    """Scores sequences and updates the policy, on any number of processes."""

    def __init__(
        self,
        accelerator: Accelerator,
        policy: Any,
        optimizer: torch.optim.Optimizer,
        scheduler: torch.optim.lr_scheduler.LambdaLR,
        method: Method,
        settings: Training,
    ):
        self.accelerator, self.policy = accelerator, policy
        self.parallelism = parallelism_of(accelerator)
        self.optimizer, self.scheduler = optimizer, scheduler
        self.method, self.settings = method, settings
        self._skipped = 0
        if settings.on_nonfinite == "skip" and self.parallelism.steps_unseen:
            raise SentError(
                "training.on_nonfinite: DeepSpeed takes its step before anybody sees the gradient, so no update can be left "
                "out; set it to stop, or `accelerate: fsdp2`"
            )

    def go_on_after(self, updates: int) -> None:
        """Set the learning rate that follows so many updates; the optimizer's own state is another matter."""
        if updates:
            factors = self.scheduler.lr_lambdas
            self.scheduler = torch.optim.lr_scheduler.LambdaLR(
                self.optimizer, factors, last_epoch=updates - 1
            )

    @torch.no_grad()
    def score(self, policy: Any, batch: Batch, need_entropy: bool = True) -> tuple[Tensor, ...]:
        """Return log-probabilities and, if asked for, entropies of every response token ``[N]``, without gradients."""
        places, values = [], []
        for rows, sequences in self._batches(batch, self.settings.scoring_batch_tokens):
            places.append(batch.tokens_of(rows))
            values.append(torch.stack(policy(sequences, need_entropy)[: 1 + need_entropy]).float())
        self.parallelism.put_back(policy)
        found = torch.empty(1 + need_entropy, len(batch.ids))
        found[:, torch.cat(places)] = torch.cat(values, dim=1).cpu()  # one copy from the device
        return found.unbind()

    def update(
        self, batch: ScoredBatch, which: UpdateId, entropy_coefficient: float | None = None
    ) -> dict[str, float]:
        """Take one optimizer step on a mini-batch; return figures for the log.

        Tokens are weighed by the statistics of all processes, so it does not matter how the mini-batch is split. A loss or
        gradient that is not finite changes no weight: it raises :class:`SentError`, or with `on_nonfinite: skip` returns
        ``{"skipped": 1}`` until the fifth in a row raises, too. Every process comes to the same, as all look at sums over all.
        """
        try:
            figures = self._update(batch, which, entropy_coefficient)
        except NonFiniteError as error:
            return self._skip(batch, error, which)
        self._skipped = 0
        return figures

    def _update(
        self, batch: ScoredBatch, which: UpdateId, entropy_coefficient: float | None
    ) -> dict[str, float]:
        logp, entropy = batch.logp_old, batch.entropy_old
        if which.update > 0 and recipe.needs_current_policy(self.method):
            logp, entropy = self.score(self.policy, batch)
        seed, limit = seed_of("weights of tokens", *which), self.settings.decoding.max_new_tokens
        whole, figures = weighed(self.method, batch, logp, entropy, seed, gather_object, limit)
        world, device = self.accelerator.num_processes, self.accelerator.device
        totals: dict[str, Tensor] = {}
        passed = whole.select(np.flatnonzero(pulling(self.method, whole, entropy_coefficient)).tolist())
        micro_batches = list(self._batches(passed, self.settings.micro_batch_tokens))
        for number, (rows, sequences) in enumerate(micro_batches):
            is_last = number == len(micro_batches) - 1
            with self.parallelism.exchanging(self.policy, is_last):
                logp, entropy = self.policy(sequences, recipe.needs_entropy_gradient(self.method))
                part = passed.select(rows).to(device)
                loss, sums = method_loss(
                    self.method, logp, entropy, part, self.settings.importance_cap, entropy_coefficient
                )
                self.parallelism.backward(self.policy, loss * world, is_last)
            for key, value in sums.items():
                totals[key] = totals.get(key, 0) + value
        names = sorted(totals)
        summed = reduce(torch.stack([totals[name] for name in names]), reduction="sum").tolist()
        metrics = averages(dict(zip(names, summed, strict=True)), figures["tokens"])
        parts_of_loss = {k: v for k, v in metrics.items() if k.startswith("loss_")}
        for name, part_value in parts_of_loss.items():
            _check(
                part_value,
                f"{name} (surrogate '{self.method.surrogate.name}')" if name == "loss_policy" else name,
            )
        metrics["loss"] = sum(parts_of_loss.values())
        metrics["grad_norm"] = self._step()
        return figures | metrics

    def _step(self) -> float:
        norm = self.parallelism.step(self.policy, self.optimizer, self.settings.max_grad_norm, _check)
        self.scheduler.step()
        return norm

    def _skip(self, batch: Batch, error: NonFiniteError, which: UpdateId) -> dict[str, float]:
        """Forget the update, or raise :class:`SentError`; name the questions of the sequences that are not finite."""
        self._skipped += 1
        at = f"step {which.step}, update {which.update}: {error}"
        questions = _questions(batch, error.keys)
        if self.settings.on_nonfinite == "stop":
            raise SentError(
                f"training: {at}. Nothing was saved after this update, and the last checkpoint is kept. Questions: {questions}. "
                "Look at them, or lower the learning rate"
            ) from None
        if self._skipped == SKIPPED_IN_A_ROW:
            raise SentError(
                f"training: {at}: the {SKIPPED_IN_A_ROW}th update in a row that had to be left out, so the weights must be at "
                f"fault. The last checkpoint is kept. Questions: {questions}. Lower the learning rate"
            ) from None
        if self.accelerator.is_main_process:
            logger.warning("%s; this update is left out. Questions: %s", at, questions)
        self.optimizer.zero_grad()
        self.scheduler.step()  # it counts the updates that were planned
        return {"skipped": 1}

    def tell_spike(self, batch: Batch, norm: float, which: UpdateId) -> None:
        """Log the questions of an update whose gradient was far larger than usual."""
        questions = _questions(batch)
        if self.accelerator.is_main_process:
            logger.warning(
                "step %s, update %s: the gradient's norm %.3g is more than %s times as large as usual, and was scaled to "
                "max_grad_norm. Questions: %s", which.step, which.update, norm, SPIKE, questions,
            )  # fmt: skip

    def _batches(self, batch: Batch, budget: int) -> Iterator[tuple[list[int], Sequences]]:
        """Yield (sequence numbers, sequences). Every process yields the same number of batches, at least one.

        Where a process has fewer, it adds batches without a response, so that collective operations stay in step, and
        a gradient is 0 where nothing pulls: the optimizer then goes on by what it remembers.
        """
        lengths = batch.lengths + np.array(list(map(len, batch.prompts)), dtype=np.int64)
        packed = self.settings.packing
        batches = (
            by_sum(lengths.tolist(), budget) if packed else by_cost(lengths.tolist(), budget, PASS_TOKENS)
        )
        most = max(1, *gather_object([len(batches)]))
        for rows in [*batches, *([[]] * (most - len(batches)))]:
            yield rows, Sequences.of(batch.select(rows), self.accelerator.device, packed)


def _check(value: float, what: str = "gradient norm") -> None:
    if not math.isfinite(value):
        raise NonFiniteError(None, f"{what} {value}")


def _questions(batch: Batch, keys: list[int] | None = None) -> str:
    """The questions of the sequences ``keys``, or of the whole mini-batch, over all processes; at most 20 of them."""
    pairs = zip(batch.keys.tolist(), batch.questions, strict=True)
    questions = sorted(set(gather_object([name for key, name in pairs if keys is None or key in keys])))
    return ", ".join(questions[:20]) + (" ..." if len(questions) > 20 else "")

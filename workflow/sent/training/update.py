"""One optimizer update: statistics of the mini-batch over all processes, plan, micro-batches, step."""

import math
from dataclasses import dataclass, fields, replace
from typing import NoReturn

import torch
from accelerate.utils import gather_object, reduce
from torch import Tensor

from sent.batching import by_token_budget
from sent.config import Method, Training
from sent.errors import SentError
from sent.seeding import seed_of
from sent.training.loss import MicroBatch, averages, objective
from sent.training.parallelism import parallelism_of
from sent.training.plan import NonFiniteError, TokenStatistics, plan_tokens
from sent.training.policy import Sequences


@dataclass
class Batch:
    """Sequences of one process with what the passes without gradients said of them.

    Lists run over sequences; tensors ``[T_i]`` hold one value a response token, on the CPU.
    """

    prompts: list[tuple[int, ...]]
    responses: list[list[int]]
    keys: list[int]
    questions: list[str]
    advantages: list[float]
    sampler_logp: list[Tensor]
    logp_old: list[Tensor]
    entropy_old: list[Tensor]
    logp_ref: list[Tensor] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def select(self, rows: list[int]) -> "Batch":
        """Return some of the sequences."""
        return Batch(**{k: v and [v[i] for i in rows] for k, v in vars(self).items()})


class Updater:
    """Scores sequences and updates the policy, on any number of processes."""

    def __init__(self, accelerator, policy, optimizer, scheduler, method: Method, settings: Training):
        self.accelerator, self.policy = accelerator, policy
        self.parallelism = parallelism_of(accelerator)
        self.optimizer, self.scheduler = optimizer, scheduler
        self.method, self.settings = method, settings

    @torch.no_grad()
    def score(
        self, policy, prompts, responses, need_entropy: bool = True
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return log-probabilities and entropies of every response, without gradients."""
        logps: list = [None] * len(prompts)
        entropies: list = [None] * len(prompts)
        for rows, sequences in self._batches(prompts, responses, self.settings.scoring_batch_tokens):
            logp, entropy = policy(sequences, need_entropy)
            for place, row in enumerate(rows):
                length = len(responses[row])
                logps[row] = logp[place, :length].float().cpu()
                if need_entropy:
                    entropies[row] = entropy[place, :length].float().cpu()
        return logps, entropies

    def update(self, batch: Batch, name: tuple) -> dict[str, float]:
        """Take one optimizer step on a mini-batch; return figures for the log.

        ``name`` is the (seed, stage, step, update) that random choices are seeded by. The plan is made from the
        statistics of all processes, so it does not depend on how the mini-batch is split. Raises
        :class:`SentError` before the step if the loss or the gradient is not finite.
        """
        logp, entropy = batch.logp_old, batch.entropy_old
        if name[-1] > 0 and self.method.objective != "grpo":
            logp, entropy = self.score(self.policy, batch.prompts, batch.responses)
        try:
            plan, rows_of_mine = self._plan(batch, logp, entropy, seed_of("plan", *name))
        except NonFiniteError as error:
            self._refuse(batch, set(error.keys), str(error), name)
        world = self.accelerator.num_processes
        totals: dict[str, Tensor] = {}
        batches = list(self._batches(batch.prompts, batch.responses, self.settings.micro_batch_tokens))
        for number, (rows, sequences) in enumerate(batches):
            is_last = number == len(batches) - 1
            with self.parallelism.exchanging(self.policy, is_last):
                part = self._micro_batch(
                    batch, rows, sequences, plan.part([rows_of_mine[i] for i in rows] or [0])
                )
                new_logp, new_entropy = self.policy(sequences, self.method.entropy_coefficient > 0)
                loss, sums = objective(self.method, new_logp, new_entropy, part)
                self.parallelism.backward(self.policy, loss * world, is_last)
            for key, value in sums.items():
                totals[key] = totals.get(key, 0) + value
        summed = {k: reduce(v, reduction="sum").item() for k, v in sorted(totals.items())}
        metrics = averages(summed)
        metrics["loss"] = sum(v for k, v in metrics.items() if k.startswith("loss_"))
        metrics["grad_norm"] = self._step(batch, metrics["loss"], name)
        return plan.diagnostics | metrics

    def _step(self, batch: Batch, loss: float, name: tuple) -> float:
        def check(value: float, what: str = "gradient norm") -> None:
            if not math.isfinite(value):
                self._refuse(batch, None, f"{what} {value} is not finite", name)

        check(loss, "loss")
        norm = self.parallelism.step(self.policy, self.optimizer, self.settings.max_grad_norm, check)
        self.scheduler.step()
        return norm

    def _refuse(self, batch: Batch, keys: set[int] | None, what: str, name: tuple) -> NoReturn:
        """Stop before the weights are kept; name the questions of the sequences ``keys``, or of the whole mini-batch."""
        own = [
            question
            for key, question in zip(batch.keys, batch.questions, strict=True)
            if keys is None or key in keys
        ]
        questions = sorted(set(gather_object(own)))
        shown = ", ".join(questions[:20]) + (" ..." if len(questions) > 20 else "")
        raise SentError(
            f"training: step {name[2]}, update {name[3]}: {what}. Nothing was saved after this update, and "
            f"the last checkpoint is kept. Questions: {shown}. Look at them, or lower the learning rate"
        ) from None

    def _batches(self, prompts, responses, budget: int):
        """Yield (sequence numbers, sequences). Every process yields the same number of batches.

        Where a process has fewer, it adds batches without a sequence, made of one masked token, so that
        collective operations stay in step.
        """
        device = self.accelerator.device
        lengths = [len(p) + len(r) for p, r in zip(prompts, responses, strict=True)]
        batches = by_token_budget(lengths, budget)
        most = max(gather_object([len(batches)]))
        for rows in batches:
            yield rows, Sequences.of([prompts[i] for i in rows], [responses[i] for i in rows], device)
        for _ in range(most - len(batches)):
            yield [], Sequences.of([(0,)], [[0]], device)

    def _plan(self, batch: Batch, logp: list[Tensor], entropy: list[Tensor], seed: int):
        """Gather the statistics of all processes and plan; return the plan and the rows of this process in it."""
        own = [
            (key, lp.numpy(), old.numpy(), h.numpy(), advantage)
            for key, lp, old, h, advantage in zip(
                batch.keys, logp, batch.logp_old, entropy, batch.advantages, strict=True
            )
        ]
        every = gather_object(own)
        width = max(len(row[1]) for row in every)

        def grid(column: int) -> Tensor:
            filled = torch.zeros(len(every), width)
            for i, row in enumerate(every):
                filled[i, : len(row[1])] = torch.as_tensor(row[column])
            return filled

        mask = torch.arange(width)[None, :] < torch.tensor([len(row[1]) for row in every])[:, None]
        stats = TokenStatistics(
            logp=grid(1), logp_old=grid(2), entropy=grid(3), advantages=grid(4), mask=mask,
            keys=torch.tensor([row[0] for row in every]),
        )  # fmt: skip
        place = {row[0]: i for i, row in enumerate(every)}
        return plan_tokens(self.method, stats, seed), [place[key] for key in batch.keys]

    def _micro_batch(self, batch: Batch, rows: list[int], sequences: Sequences, plan) -> MicroBatch:
        device, mask = self.accelerator.device, sequences.mask
        width = mask.shape[1]

        def pad(values: list[Tensor] | None) -> Tensor | None:
            if values is None:
                return None
            grid = torch.zeros(mask.shape)
            for place, row in enumerate(rows):
                grid[place, : len(values[row])] = values[row]
            return grid.to(device)

        importance = None
        if self.settings.importance_cap is not None:
            ratio = (pad(batch.logp_old) - pad(batch.sampler_logp)).exp()
            importance = ratio.clamp(max=self.settings.importance_cap)
        return MicroBatch(
            logp_old=pad(batch.logp_old),
            mask=mask if rows else torch.zeros_like(mask),
            plan=_to(plan.part(slice(None), slice(0, width)), device),
            logp_ref=pad(batch.logp_ref),
            importance=importance,
        )


def _to(plan, device):
    return replace(
        plan, **{f.name: getattr(plan, f.name).to(device) for f in fields(plan) if f.type is Tensor}
    )

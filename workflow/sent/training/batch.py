"""The responses of one process, their tokens in flat arrays from the rollout to the loss."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

from sent.sampling.sampler import Completion
from sent.training.rollout import Group


@dataclass(frozen=True)
class Batch:
    """Sequences with what is known of them; it is padded only where the model reads it.

    Tensors hold one value a response token ``[N]``, response after response: those of sequence i are at
    ``offsets[i]`` to ``offsets[i + 1]``. :class:`ScoredBatch` and :class:`WeighedBatch` know more of them.
    """

    prompts: list[tuple[int, ...]]
    questions: list[str]
    keys: np.ndarray
    """int64 ``[B]``: a different number for each response, the same however the run is split."""
    advantages: np.ndarray
    """``[B]``."""
    offsets: np.ndarray
    """int64 ``[B + 1]``, from 0 to N."""
    ids: Tensor
    """int64: the response's tokens."""
    sampler_logp: Tensor
    """Their log-probabilities as the sampler had them."""

    @classmethod
    def of(cls, groups: list[Group]) -> "Batch":
        """Lay out a rollout's responses."""
        return cls.of_responses(
            [response for group in groups for response in group.completions],
            prompts=[group.question.prompt_ids for group in groups for _ in group.completions],
            questions=[group.question.id for group in groups for _ in group.completions],
            keys=np.array([key for group in groups for key in group.keys], dtype=np.int64),
            advantages=np.concatenate([np.zeros(0, np.float32), *(group.advantages for group in groups)]),
        )

    @classmethod
    def of_responses(cls, responses: list[Completion], **known: Any) -> "Batch":
        """Lay out responses; ``known`` is what a batch holds of each beside its tokens."""
        return cls(
            **known,
            offsets=offsets_of([len(response.token_ids) for response in responses]),
            ids=torch.tensor([i for response in responses for i in response.token_ids], dtype=torch.int64),
            sampler_logp=torch.tensor([p for response in responses for p in response.logprobs]),
        )

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each response, int64 ``[B]``."""
        return np.diff(self.offsets)

    def tokens_of(self, rows: list[int]) -> Tensor:
        """Return where the tokens of some sequences are, one sequence after the other."""
        places = [np.arange(self.offsets[row], self.offsets[row + 1]) for row in rows]
        return torch.from_numpy(np.concatenate([np.zeros(0, dtype=np.int64), *places]))

    def select(self, rows: list[int]) -> Self:
        """Return some of the sequences."""
        tokens = self.tokens_of(rows)
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        flat: dict[str, Any] = {
            name: value[tokens] for name, value in values.items() if isinstance(value, Tensor)
        }
        return replace(
            self,
            **flat,
            prompts=[self.prompts[row] for row in rows],
            questions=[self.questions[row] for row in rows],
            keys=self.keys[rows],
            advantages=self.advantages[rows],
            offsets=offsets_of(self.lengths[rows]),
        )

    def to(self, device: torch.device) -> Self:
        """Return the batch with its tensors on a device."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        moved: dict[str, Any] = {k: v.to(device) for k, v in values.items() if isinstance(v, Tensor)}
        return replace(self, **moved)


@dataclass(frozen=True)
class ScoredBatch(Batch):
    """A batch with what the trainer's models say of its tokens."""

    logp_old: Tensor
    """Log-probabilities under the policy that wrote the responses."""
    entropy_old: Tensor
    """Full-vocabulary entropies under that policy, nats."""
    logp_ref: Tensor | None = None
    """Log-probabilities under the reference, where the method needs one."""

    def anchor(self, name: Literal["old", "reference"]) -> Tensor:
        """Return the log-probabilities under the policy that a KL goes to."""
        found = self.logp_old if name == "old" else self.logp_ref
        assert found is not None, "it is needed, and so given"
        return found


@dataclass(frozen=True, kw_only=True)
class WeighedBatch(ScoredBatch):
    """A mini-batch, or a part of one, with how each token enters the loss."""

    advantage: Tensor
    """Advantage of each token as the method shapes it."""
    pg_weight: Tensor
    """Weight of the policy-gradient term."""
    kl_weight: Tensor
    """Coefficient of the method's own KL term."""
    scale: Tensor
    """Factor that makes the loss of the mini-batch a plain sum over tokens, whatever the aggregation."""
    token_scale: float
    """1 / number of tokens of the mini-batch: the factor of means over all tokens."""


def offsets_of(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return where each of B runs of known lengths begins, and the last one ends: int64 ``[B + 1]``."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

"""What a rollout brings of one question: the record that advantages are made from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sent.config import Part
from sent.errors import SentError
from sent.training import parts


@dataclass(frozen=True)
class Outcomes:
    """The G responses to one question. All arrays are ``[G]``."""

    rewards: np.ndarray
    """float64: what the reward gave, less what an overlong response costs."""
    correct: np.ndarray
    """bool: the grader's verdict."""
    lengths: np.ndarray
    """int64: tokens."""
    logprobs: np.ndarray
    """float64: log-probability of the whole response under the policy that wrote it."""
    clusters: np.ndarray | None = None
    """int64: which responses have answers that the grader takes for one another, from 0; -1: no answer.

    Only for advantages that declare that they need them (:func:`sent.training.parts.needs`).
    """

    def __len__(self) -> int:
        return len(self.rewards)


def advantage_of(part: Part) -> Callable[[Outcomes], np.ndarray]:
    """Return the function that gives advantages, float32 ``[G]``. It raises :class:`SentError` for unusable ones."""
    function = parts.bind("advantage", part)
    where = parts.function_at("advantage", part.name)

    def advantages(outcomes: Outcomes) -> np.ndarray:
        found = function(outcomes)
        n = len(outcomes)
        if not isinstance(found, np.ndarray) or found.shape != (n,) or found.dtype.kind not in "fiu":
            what = (
                f"{found.dtype} of shape {found.shape}"
                if isinstance(found, np.ndarray)
                else type(found).__name__
            )
            raise SentError(f"{where} must return a NumPy array of {n} numbers, one a response; found {what}")
        if not np.isfinite(found).all():
            raise SentError(
                f"{where} returned numbers that are not finite, for rewards {outcomes.rewards.tolist()}: {found.tolist()}"
            )
        return found.astype(np.float32)

    return advantages

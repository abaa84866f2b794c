"""What a rollout brings of one question: rewards, and the record that advantages are made from."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

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
    seed: int = 0
    """For advantages that draw lots: of the training's seed, the step and the question."""

    def __len__(self) -> int:
        return len(self.rewards)


def reward_of(part: Part) -> Callable[..., float]:
    """Return the function (verdict, response, question, number of the response) that gives a reward.

    It raises :class:`SentError` where the part's function fails or returns no finite number.
    """
    function = parts.bind("reward", part)
    where = parts.function_at("reward", part.name)

    def reward(verdict: str, response: str, question: Any, number: int) -> float:
        try:
            found = function(verdict, response, question)
        except Exception as error:
            raise SentError(
                f"{where} failed for response {number} to question '{question.id}': {type(error).__name__}: {error}"
            ) from error
        if not isinstance(found, Real) or not math.isfinite(found):
            raise SentError(
                f"{where} must return a finite number; found {found!r:.100} for response {number} to question '{question.id}'"
            )
        return float(found)

    return reward


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

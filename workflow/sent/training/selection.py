"""Which tokens a method treats how: the material for the decision and the tools to make it.

All arrays are NumPy and one-dimensional: the N response tokens of ONE optimizer mini-batch, over all processes, in
the order of (sequence key, position). The order of sequences can therefore change nothing, and a stable sort breaks
ties by key, then position.
"""

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from pydantic import Field

from sent.seeding import seed_of, uniforms

Share = Annotated[float, Field(gt=0, le=1)]
"""A fraction of tokens, never a percentage."""

Beta = Annotated[float, Field(ge=0)]
"""A KL coefficient."""


@dataclass(frozen=True)
class Tokens:
    """What a method may look at. Float arrays are float64 ``[N]``, taken without gradients."""

    logp: np.ndarray
    """Log-probability of the sampled token under the policy that this update starts from.

    This and ``entropy`` are those of the old policy, unless the weighting declares that it needs the current one's
    (:func:`sent.training.parts.needs`).
    """
    logp_old: np.ndarray
    """The same under the policy that wrote the response."""
    entropy: np.ndarray
    """Entropy of the full next-token distribution under the policy that this update starts from, nats."""
    entropy_old: np.ndarray
    """The same under the policy that wrote the response."""
    advantages: np.ndarray
    """Advantage of the token's response."""
    clipped: np.ndarray
    """bool: the method's clip range already removes this token's policy gradient."""
    offsets: np.ndarray
    """int64 ``[B + 1]``: the tokens of response i are at ``offsets[i]`` to ``offsets[i + 1]``."""
    keys: np.ndarray
    """int64 ``[B]``, ascending: the identity of each response."""
    seed: int
    """Seed of this update's random draws."""

    def __len__(self) -> int:
        return len(self.logp)

    @property
    def sequence(self) -> np.ndarray:
        """int ``[N]``: which response each token belongs to, an index into ``keys``."""
        return np.repeat(np.arange(len(self.keys)), np.diff(self.offsets))

    @property
    def position(self) -> np.ndarray:
        """int ``[N]``: place of each token in its response, from 0."""
        return np.arange(len(self)) - self.offsets[:-1][self.sequence]

    def uniforms(self) -> np.ndarray:
        """Return one uniform number in [0, 1) a token ``[N]``, a function of (seed, key, position) alone."""
        seeds = np.array([seed_of("token", self.seed, int(key)) for key in self.keys], dtype=np.uint64)
        return uniforms(seeds[self.sequence], self.position)


@dataclass(frozen=True)
class Choice:
    """A method's decision: ``[N]`` arrays, or None for what plain GRPO does."""

    advantages: np.ndarray | None = None
    """Advantage that the policy gradient uses; None: as they are."""
    pg_weight: np.ndarray | None = None
    """Weight of the policy-gradient term; None: 1."""
    kl_weight: np.ndarray | None = None
    """Coefficient of the method's own KL term; None: 0."""
    diagnostics: dict[str, float] = field(default_factory=dict)
    """Figures for the training log."""


def count(share: float, n: int) -> int:
    """Return how many of ``n`` tokens a share is: rounded down, but at least one of any (share 0: none)."""
    if n == 0 or share == 0:
        return 0
    return max(1, int(share * n + 1e-9))  # 0.2 * 15 is 3.0000000000000004, 0.29 * 100 is 28.999999999999996


def lowest(values: np.ndarray, k: int, among: np.ndarray | None = None) -> np.ndarray:
    """Return a bool mask ``[N]`` of the ``k`` smallest values (of those ``among``, if given); ties: first
    comes first.
    """
    candidates = np.arange(len(values)) if among is None else np.flatnonzero(among)
    chosen = np.zeros(len(values), dtype=bool)
    chosen[candidates[np.argsort(values[candidates], kind="stable")[:k]]] = True
    return chosen


def highest(values: np.ndarray, k: int, among: np.ndarray | None = None) -> np.ndarray:
    """Return a bool mask ``[N]`` of the ``k`` largest values (of those ``among``, if given); ties: first
    comes first.
    """
    return lowest(-values, k, among)


def covariance(tokens: Tokens, centre: np.ndarray | None = None) -> np.ndarray:
    """Return (logp - mean logp)(A - mean A) for each token ``[N]`` (Cui et al. 2025).

    Its mean is what drives the change of entropy. Means are taken over all tokens, or over those of the bool
    mask ``centre``.
    """
    among = slice(None) if centre is None else centre
    return (tokens.logp - tokens.logp[among].mean()) * (tokens.advantages - tokens.advantages[among].mean())

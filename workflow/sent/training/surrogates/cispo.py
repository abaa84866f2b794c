"""CISPO: the ratio is a weight that has a bound, and no token loses its gradient."""

from sent.training.parts import ADVANTAGE, needs
from sent.training.surrogates import Tensor


@needs(ADVANTAGE)
def cispo(ratio: Tensor, advantage: Tensor, logp: Tensor, *, clip_high: float) -> tuple[Tensor, Tensor]:
    """Return min(r, 1 + clip_high) A logp, the ratio without a gradient (MiniMax 2025, eq. 4 and 5).

    What is held is the weight: the token still pulls, by as much as at the bound.
    """
    bound = 1 + clip_high
    weight = ratio.detach().clamp(max=bound)
    return weight * advantage * logp, (ratio > bound) & (advantage != 0)

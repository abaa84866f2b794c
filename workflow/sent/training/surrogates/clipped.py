"""PPO's clipped surrogate."""

from sent.training.parts import ADVANTAGE, needs
from sent.training.surrogates import Tensor


@needs(ADVANTAGE)
def clipped(
    ratio: Tensor, advantage: Tensor, logp: Tensor, *, clip_low: float, clip_high: float
) -> tuple[Tensor, Tensor]:
    """Return min(r A, clip(r, 1 - clip_low, 1 + clip_high) A) (Schulman et al. 2017, eq. 7)."""
    gain = ratio * advantage
    bounded = ratio.clamp(1 - clip_low, 1 + clip_high) * advantage
    return gain.minimum(bounded), gain > bounded

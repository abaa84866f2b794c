"""PPO's clipped surrogate."""

from sent.training.parts import ADVANTAGE, needs


@needs(ADVANTAGE)
def clipped(ratio, advantage, logp, *, clip_low: float, clip_high: float):
    """Return min(r A, clip(r, 1 - clip_low, 1 + clip_high) A) (Schulman et al. 2017, eq. 7)."""
    gain = ratio * advantage
    bounded = ratio.clamp(1 - clip_low, 1 + clip_high) * advantage
    return gain.minimum(bounded), gain > bounded

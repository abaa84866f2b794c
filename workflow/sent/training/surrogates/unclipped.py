"""The ratio as it is."""

from sent.training.parts import ADVANTAGE, needs


@needs(ADVANTAGE)
def unclipped(ratio, advantage, logp):
    """Return r A, without a bound (Schulman et al. 2017, eq. 6)."""
    return ratio * advantage, ratio != ratio

"""The ratio as it is."""

from sent.training.parts import ADVANTAGE, needs
from sent.training.surrogates import Tensor


@needs(ADVANTAGE)
def unclipped(ratio: Tensor, advantage: Tensor, logp: Tensor) -> tuple[Tensor, Tensor]:
    """Return r A, without a bound (Schulman et al. 2017, eq. 6)."""
    return ratio * advantage, ratio != ratio

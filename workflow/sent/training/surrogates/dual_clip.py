"""The clipped surrogate with a second bound, for wrong responses that the policy has moved towards."""

from typing import Annotated

from pydantic import Field

from sent.training.parts import ADVANTAGE, needs
from sent.training.surrogates import Tensor
from sent.training.surrogates.clipped import clipped


@needs(ADVANTAGE)
def dual_clip(
    ratio: Tensor,
    advantage: Tensor,
    logp: Tensor,
    *,
    clip_low: float,
    clip_high: float,
    bound: Annotated[float, Field(gt=1)],
) -> tuple[Tensor, Tensor]:
    """Return the clipped surrogate, but no less than ``bound`` A where A < 0 (Ye et al. 2020, eq. 5)."""
    gain, held = clipped(ratio, advantage, logp, clip_low=clip_low, clip_high=clip_high)
    floor = bound * advantage
    is_below = (advantage < 0) & (gain < floor)
    return floor.where(is_below, gain), held | is_below

"""CE-GPPO: tokens beyond the clip range keep a bounded gradient."""

from typing import Annotated

from pydantic import Field

from sent.training.parts import ADVANTAGE, needs
from sent.training.surrogates import Tensor
from sent.training.surrogates.clipped import clipped

Scale = Annotated[float, Field(ge=0)]


@needs(ADVANTAGE)
def gradient_preserving(
    ratio: Tensor,
    advantage: Tensor,
    logp: Tensor,
    *,
    clip_low: float,
    clip_high: float,
    scale_low: Scale,
    scale_high: Scale,
) -> tuple[Tensor, Tensor]:
    """Return the clipped surrogate, where it holds a token with a gradient of ``scale`` times the bound (Su et al. 2025).

    ``scale_low`` is that of tokens below the range (A < 0), ``scale_high`` of those above it (A > 0). The ratio over
    itself without a gradient is 1 and has the gradient of ``logp``, by which it is written here: nothing is divided.
    """
    gain, held = clipped(ratio, advantage, logp, clip_low=clip_low, clip_high=clip_high)
    bounded = ratio.detach().clamp(1 - clip_low, 1 + clip_high) * advantage
    kept = bounded * (logp - logp.detach()).exp()
    return (scale_low * kept).where(held & (advantage < 0), (scale_high * kept).where(held, gain)), held

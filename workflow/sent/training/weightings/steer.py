"""STEER: tokens that change the entropy much pull less."""

from typing import Annotated

import numpy as np
from pydantic import Field

from sent.training.parts import CURRENT_POLICY, TOKEN_RATIO, needs
from sent.training.selection import Choice, Share, Tokens


@needs(CURRENT_POLICY, TOKEN_RATIO)
def steer(tokens: Tokens, *, lowest: Share, scale: Annotated[float, Field(gt=0)]) -> Choice:
    """Weigh the policy gradient by exp(-k abs(O)) (Hao et al. 2025, arXiv 2510.10150).

    O = A / p_old * p (1 - p)(ln p + H) is the change of a token's entropy to first order. k is such that the largest
    abs(O) of the mini-batch has the weight ``lowest``, or one of ``scale`` where none is that large.
    """
    ratio = np.exp(tokens.logp - tokens.logp_old)
    change = np.abs(tokens.advantages * ratio * -np.expm1(tokens.logp) * (tokens.logp + tokens.entropy))
    weight = lowest ** (change / max(change.max(), scale))
    return Choice(
        pg_weight=weight,
        diagnostics={"entropy_change": float(change.mean()), "pg_weight": float(weight.mean())},
    )

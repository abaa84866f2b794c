"""Advantages that reward uncertain tokens."""

from typing import Annotated

import numpy as np
from pydantic import Field

from sent.training.parts import CURRENT_POLICY, TOKEN_RATIO, needs
from sent.training.selection import Choice, Tokens


@needs(CURRENT_POLICY, TOKEN_RATIO)
def adv(
    tokens: Tokens, *, alpha: Annotated[float, Field(ge=0)], kappa: Annotated[float, Field(gt=1)]
) -> Choice:
    """Add min(alpha * entropy, abs(A) / kappa) to the advantage A (Cheng et al. 2025).

    kappa > 1 keeps the sign of A.
    """
    bonus = np.minimum(alpha * tokens.entropy, np.abs(tokens.advantages) / kappa)
    return Choice(
        advantages=tokens.advantages + bonus,
        diagnostics={"advantage_bonus": float(bonus.mean())},
    )

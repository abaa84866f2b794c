"""Right and wrong responses, each with a weight of its own."""

from typing import Annotated

import numpy as np
from pydantic import Field

from sent.training.outcomes import Outcomes


def signed(
    outcomes: Outcomes, *, right: Annotated[float, Field(ge=0)], wrong: Annotated[float, Field(ge=0)]
) -> np.ndarray:
    """Return ``right`` for right responses and ``-wrong`` for the others, whatever the group (Zhu et al. 2025).

    Right 1 and wrong 0 is their PSR, 0 and 1 NSR, 0.1 and 1 W-REINFORCE. Nothing is centred: groups that are all wrong
    count, too.
    """
    return np.where(outcomes.correct, right, -wrong)

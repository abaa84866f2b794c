"""Pass@k as the reward: of k responses, one has to be right."""

from math import comb, sqrt
from typing import Annotated

import numpy as np
from pydantic import Field

from sent.training.outcomes import Outcomes


def pass_at_k(outcomes: Outcomes, *, k: Annotated[int, Field(ge=1)]) -> np.ndarray:
    """Return each response's mean advantage over all sets of ``k`` responses that it is in (Chen et al. 2025).

    A set has reward 1 if one of its responses is right. Its advantage is (reward - R) / sqrt(R (1 - R)) with R, the mean
    over all sets: in closed form, with G responses of which W are wrong,

        R     = 1 - C(W, k) / C(G, k)
        right = (1 - R) / sqrt(R (1 - R))
        wrong = (1 - R - C(W - 1, k - 1) / C(G - 1, k - 1)) / sqrt(R (1 - R))

    Where all sets have one reward, advantages are 0. ``k`` is no more than G.
    """
    total, wrong = len(outcomes), int((~outcomes.correct).sum())
    mean = 1 - comb(wrong, k) / comb(total, k)
    if mean in (0, 1):
        return np.zeros(total)
    failing = comb(wrong - 1, k - 1) / comb(total - 1, k - 1)
    return np.where(outcomes.correct, 1 - mean, 1 - mean - failing) / sqrt(mean * (1 - mean))

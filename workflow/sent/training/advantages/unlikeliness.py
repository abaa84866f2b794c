"""Right responses that the policy would rarely give earn more."""

from dataclasses import replace

import numpy as np

from sent.training.advantages.group_normalised import group_normalised
from sent.training.outcomes import Outcomes
from sent.training.selection import Share


def unlikeliness(outcomes: Outcomes, *, beta: Share) -> np.ndarray:
    """Normalise reward (1 - beta rank / G) of right responses, others as they are (He et al. 2025).

    Rank 1 is the least likely of the G responses, G the likeliest; of equally likely ones the first has the lower.
    """
    rank = np.empty(len(outcomes))
    rank[np.argsort(outcomes.logprobs, kind="stable")] = np.arange(1, len(outcomes) + 1)
    factor = np.where(outcomes.correct, 1 - beta * rank / len(outcomes), 1.0)
    return group_normalised(replace(outcomes, rewards=outcomes.rewards * factor))

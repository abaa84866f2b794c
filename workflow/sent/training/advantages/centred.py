"""Rewards less their mean."""

import numpy as np

from sent.training.outcomes import Outcomes


def centred(outcomes: Outcomes) -> np.ndarray:
    """Return reward - mean, with no deviation below it: hard and easy questions weigh alike (Dr. GRPO, Liu et al. 2025)."""
    rewards = outcomes.rewards
    if (rewards == rewards[0]).all():  # the mean of equal floats may differ from them in the last digit
        return np.zeros(len(outcomes))
    return rewards - rewards.mean()

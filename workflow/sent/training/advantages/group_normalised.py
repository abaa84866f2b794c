"""Rewards, centred and scaled within the group."""

import numpy as np

from sent.training.outcomes import Outcomes

EPSILON = 1e-6
"""Added to the standard deviation, as verl does it; far below any spread of 0/1 rewards."""


def group_normalised(outcomes: Outcomes) -> np.ndarray:
    """Return (reward - mean) / (standard deviation + EPSILON), with G - 1 in the deviation (GRPO, Shao et al. 2024).

    A question whose responses all have the same reward teaches nothing: its advantages are exactly 0.
    """
    import torch

    rewards = torch.from_numpy(outcomes.rewards).float()
    if (rewards == rewards[0]).all():
        return np.zeros(len(outcomes), dtype=np.float32)
    return ((rewards - rewards.mean()) / (rewards.std() + EPSILON)).numpy()

"""Rewards of the responses to one question become advantages."""

import torch
from torch import Tensor

EPSILON = 1e-6
"""Added to the standard deviation, as verl does it; far below any spread of 0/1 rewards."""


def group_advantages(rewards: Tensor) -> Tensor:
    """Return group-normalised advantages ``[P, G]`` for rewards ``[P, G]`` of G responses to each of P
    questions.

    (reward - mean) / (standard deviation + EPSILON), the deviation with G - 1 in its denominator (GRPO, Shao
    et al. 2024). A question whose responses all have the same reward teaches nothing: its advantages are
    exactly 0.
    """
    rewards = rewards if rewards.is_floating_point() else rewards.float()
    spread = rewards.std(dim=1, keepdim=True) if rewards.shape[1] > 1 else torch.ones_like(rewards)
    advantages = (rewards - rewards.mean(dim=1, keepdim=True)) / (spread + EPSILON)
    all_equal = (rewards == rewards[:, :1]).all(dim=1, keepdim=True)
    return advantages.masked_fill(all_equal, 0.0)

"""Rewards by lot: what training does to a policy that learns nothing from them."""

from dataclasses import replace

import numpy as np

from sent.training.advantages.group_normalised import group_normalised
from sent.training.outcomes import Outcomes
from sent.training.selection import Share


def random_rewards(outcomes: Outcomes, *, share: Share) -> np.ndarray:
    """Normalise rewards of 1 with probability ``share``, else 0, whatever was answered (Shao et al. 2025, arXiv 2506.10947)."""
    drawn = np.random.default_rng(outcomes.seed).random(len(outcomes)) < share
    return group_normalised(replace(outcomes, rewards=drawn.astype(np.float64)))

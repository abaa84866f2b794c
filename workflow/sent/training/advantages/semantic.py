"""Smaller steps on questions whose answers scatter."""

import numpy as np

from sent.grading.clusters import entropy
from sent.training.advantages.centred import centred
from sent.training.outcomes import Outcomes
from sent.training.parts import CLUSTERS, needs
from sent.training.selection import Share


@needs(CLUSTERS)
def semantic(outcomes: Outcomes, *, alpha: Share) -> np.ndarray:
    """Return (reward - mean) (1 - alpha SE / ln G), SE: the group's semantic entropy (SEED-GRPO, Chen et al. 2025).

    The source also tries other functions that fall with SE. Responses without an answer are in no cluster.
    """
    assert outcomes.clusters is not None, "they are needed, and so given"
    return centred(outcomes) * (1 - alpha * entropy(outcomes.clusters) / np.log(len(outcomes)))

"""Agreement among the responses as the reward: no gold answer is looked at."""

from dataclasses import replace

import numpy as np

from sent.training.advantages.group_normalised import group_normalised
from sent.training.outcomes import Outcomes
from sent.training.parts import CLUSTERS, needs


@needs(CLUSTERS)
def cluster_share(outcomes: Outcomes) -> np.ndarray:
    """Normalise, in place of the reward, the share of responses that answer the same (EMPO, Zhang et al. 2025).

    A response without an answer has 0; where all G answers differ (semantic entropy ln G) nobody agrees, and all have 0.
    """
    clusters = outcomes.clusters
    assert clusters is not None, "they are needed, and so given"
    sizes = (clusters[:, None] == clusters[None]).sum(axis=1)
    agreed = (clusters >= 0) & (len(np.unique(clusters)) < len(clusters))
    return group_normalised(replace(outcomes, rewards=np.where(agreed, sizes / len(clusters), 0.0)))

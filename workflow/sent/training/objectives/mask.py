"""Policy gradient on forking tokens only."""

import numpy as np

from sent.training.selection import Choice, Share, Tokens, count, highest


def mask(tokens: Tokens, *, share: Share) -> Choice:
    """Keep the policy gradient of the ``share`` of tokens with the highest entropy (Wang et al. 2025, eq.
    6).
    """
    chosen = highest(tokens.entropy, count(share, len(tokens)))
    threshold = tokens.entropy[chosen].min() if chosen.any() else np.inf
    return Choice(pg_weight=chosen.astype(float), diagnostics={"mask_entropy_threshold": float(threshold)})

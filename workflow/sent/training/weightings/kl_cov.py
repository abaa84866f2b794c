"""KL-Cov: the tokens of highest covariance are held back."""

import numpy as np

from sent.training.parts import CURRENT_POLICY, needs
from sent.training.selection import Beta, Choice, Share, Tokens, count, covariance, highest


@needs(CURRENT_POLICY)
def kl_cov(tokens: Tokens, *, share: Share, beta: Beta) -> Choice:
    """Give the KL term to the ``share`` of all tokens with the highest covariance (Cui et al. 2025)."""
    chosen = highest(covariance(tokens), count(share, len(tokens)))
    return Choice(kl_weight=np.where(chosen, beta, 0.0))

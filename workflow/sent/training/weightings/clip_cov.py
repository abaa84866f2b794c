"""Clip-Cov: some tokens of high covariance lose their policy gradient."""

import numpy as np

from sent.training.parts import CURRENT_POLICY, TOKEN_RATIO, needs
from sent.training.selection import Choice, Share, Tokens, count, covariance, lowest


@needs(CURRENT_POLICY, TOKEN_RATIO)
def clip_cov(tokens: Tokens, *, share: Share, lower: float, upper: float) -> Choice:
    """Zero the policy gradient of random tokens with lower < covariance < upper (Cui et al. 2025).

    ``share`` is a fraction of ALL tokens; tokens that the clip range holds already are no candidates.
    """
    covariances = covariance(tokens)
    candidates = (covariances > lower) & (covariances < upper) & ~tokens.clipped
    dropped = lowest(tokens.uniforms(), count(share, len(tokens)), among=candidates)
    return Choice(
        pg_weight=np.where(dropped, 0.0, 1.0),
        diagnostics={"share_candidates": float(candidates.mean()), "share_dropped": float(dropped.mean())},
    )

"""SENT as its released code meant it, for comparison."""

from typing import Literal

import numpy as np

from sent.training.parts import CURRENT_POLICY, needs
from sent.training.selection import Beta, Choice, Share, Tokens, count, covariance, highest, lowest


@needs(CURRENT_POLICY)
def sent_released(
    tokens: Tokens,
    *,
    entropy_share: Share,
    covariance_share: Share,
    beta_high: Beta,
    beta_low: Beta,
    policy_gradient: Literal["all", "low"] = "all",
) -> Choice:
    """Hold only the two ends of the low-entropy set by covariance.

    Of the ``entropy_share`` of tokens with the lowest entropy, the ``covariance_share`` of highest covariance
    gets ``beta_high`` and the same share of lowest covariance ``beta_low``; the middle gets nothing.
    Covariances are centred over the low set. ``policy_gradient: low`` leaves the other tokens none, as the first
    version of the code did. The code applied this to one micro-batch at a time and missed
    the tokens it meant; here it is whole.
    """
    low = lowest(tokens.entropy, count(entropy_share, len(tokens)))
    covariances = covariance(tokens, low)
    quota = count(covariance_share, int(low.sum()))
    bottom = lowest(covariances, quota, among=low)
    top = highest(covariances, quota, among=low) & ~bottom  # a set of one token has it at both ends
    return Choice(
        pg_weight=low.astype(float) if policy_gradient == "low" else None,
        kl_weight=np.where(bottom, beta_low, np.where(top, beta_high, 0.0)),
        diagnostics={
            "share_beta_high": float(top.mean()),
            "share_beta_low": float(bottom.mean()),
            "selected_entropy": float(tokens.entropy[low].mean()),
        },
    )

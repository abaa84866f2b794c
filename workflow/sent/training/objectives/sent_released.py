"""SENT as its released code meant it, for comparison."""

import numpy as np

from sent.training.selection import Beta, Choice, Share, Tokens, count, covariance, highest, lowest


def sent_released(
    tokens: Tokens, *, entropy_share: Share, covariance_share: Share, beta_high: Beta, beta_low: Beta
) -> Choice:
    """Hold only the two ends of the low-entropy set by covariance.

    Of the ``entropy_share`` of tokens with the lowest entropy, the ``covariance_share`` of highest covariance
    gets ``beta_high`` and the same share of lowest covariance ``beta_low``; the middle gets nothing.
    Covariances are centred over the low set. The code applied this to one micro-batch at a time and missed
    the tokens it meant; here it is whole.
    """
    low = lowest(tokens.entropy, count(entropy_share, len(tokens)))
    covariances = covariance(tokens, low)
    quota = count(covariance_share, int(low.sum()))
    weight = np.where(highest(covariances, quota, among=low), beta_high, 0.0)
    weight[lowest(covariances, quota, among=low)] = beta_low
    return Choice(kl_weight=weight, diagnostics={"selected_entropy": float(tokens.entropy[low].mean())})

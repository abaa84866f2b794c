"""SENT: KL on the tokens of lowest entropy, more of it where covariance is high."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from sent.training.parts import CURRENT_POLICY, needs
from sent.training.selection import Beta, Choice, Share, Tokens, count, covariance, highest, lowest


@needs(CURRENT_POLICY)
def sent(
    tokens: Tokens,
    *,
    side: Literal["low", "high"],
    entropy_share: Share,
    covariance_share: Annotated[float, Field(ge=0, le=1)],
    centre: Literal["all", "selected"],
    beta_high: Beta,
    beta_low: Beta,
) -> Choice:
    """Hold tokens of one entropy side by KL (arXiv 2512.04359).

    ``entropy_share`` of all tokens, those of lowest entropy (``side: high``: of highest), are selected. Among
    them the ``covariance_share`` of highest covariance gets ``beta_high``, as far as their covariance is
    positive: only then does the token take entropy away. The rest of the selected get ``beta_low``, all
    others 0. ``centre`` says over which tokens the means in the covariance are taken.
    """
    pick = lowest if side == "low" else highest
    selected = pick(tokens.entropy, count(entropy_share, len(tokens)))
    covariances = covariance(tokens, None if centre == "all" else selected)
    quota = count(covariance_share, int(selected.sum()))
    held = highest(covariances, quota, among=selected & (covariances > 0))
    kl_weight = np.where(held, beta_high, np.where(selected, beta_low, 0.0))
    entropies = tokens.entropy[selected]
    diagnostics = {
        "share_beta_high": float(held.mean()),
        "share_beta_low": float((~held & (kl_weight > 0)).mean()),
        "selected_entropy": float(entropies.mean()),
        "selected_entropy_threshold": float(entropies.max() if side == "low" else entropies.min()),
    }
    if held.any():
        diagnostics["held_covariance_threshold"] = float(covariances[held].min())
    return Choice(kl_weight=kl_weight, diagnostics=diagnostics)

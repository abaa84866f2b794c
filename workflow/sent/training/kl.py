"""Per-token estimators of the KL divergence from a policy to an anchor."""

from torch import Tensor


def kl(estimator: str, logp: Tensor, logp_anchor: Tensor) -> Tensor:
    """Estimate KL(policy || anchor) at each sampled token; any shape, in nats.

    ``k1``, ``k2`` and ``k3`` are Schulman's (2020): the log ratio, half its square, and the unbiased one that
    is never negative. ``abs`` is the absolute log ratio, as KL-Cov uses it. Only k1 has a gradient where
    policy and anchor agree.
    """
    difference = logp - logp_anchor
    if estimator == "k1":
        return difference
    if estimator == "k2":
        return difference.square() / 2
    if estimator == "k3":
        return (-difference).exp() + difference - 1
    if estimator == "abs":
        return difference.abs()
    raise ValueError(f"unknown KL estimator {estimator!r}; known: k1, k2, k3, abs")

"""The one loss of all methods: a sum over tokens whose weights are fixed beforehand."""

import torch
from torch import Tensor

from sent.config import Method
from sent.training.batch import Batch
from sent.training.kl import kl

MEANS = {"clipped": "clip_fraction", "kl_old": "kl_old", "kl_reference": "kl_reference"}
"""Metrics that are sums over tokens, and their names once divided by ``tokens``."""


def method_loss(
    method: Method, logp: Tensor, entropy: Tensor | None, batch: Batch, importance_cap: float | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss of a micro-batch and its metrics.

        sum_t scale_t (w_t PG_t + beta_t KL_t + c_ref KL_t(reference)) - c_H sum_t H_t / N

    PG = -min(r A, clip(r) A), or -r A without a clip range; r = exp(logp - logp_old). ``logp`` and
    ``entropy`` ``[n]``, of the batch's tokens, carry gradients; ``entropy`` may be None where
    ``method.entropy_coefficient`` is 0. With an ``importance_cap``, PG is weighed by how much likelier the trainer
    holds the token than the sampler did, up to the cap.

    The loss is a SUM that ``batch.scale`` has scaled: adding the micro-batches of all processes gives the mini-
    batch's. So are the metrics: ``loss_*`` add up to the loss's parts, and the others, divided by ``tokens``,
    are means (:func:`averages`).
    """
    ratio = (logp - batch.logp_old).exp()
    gain = ratio * batch.advantage
    clipped = torch.zeros_like(gain, dtype=torch.bool)
    if method.clip_low is not None:
        held = ratio.clamp(1 - method.clip_low, 1 + method.clip_high) * batch.advantage
        clipped = (gain > held) & (batch.pg_weight > 0)
        gain = torch.minimum(gain, held)
    if importance_cap is not None:
        gain = gain * (batch.logp_old - batch.sampler_logp).exp().clamp(max=importance_cap)
    terms = {"loss_policy": -batch.scale * batch.pg_weight * gain}
    sums = {"tokens": torch.ones_like(gain), "clipped": clipped, "kl_old": kl("k3", logp, batch.logp_old)}
    if batch.logp_ref is not None:
        sums["kl_reference"] = kl("k3", logp, batch.logp_ref)
    if method.reference_kl > 0:
        penalty = kl(method.reference_estimator, logp, batch.logp_ref)
        terms["loss_reference"] = method.reference_kl * (batch.scale * penalty)
    if method.kl_anchor is not None:
        anchor = batch.logp_old if method.kl_anchor == "old" else batch.logp_ref
        terms["loss_kl"] = batch.scale * batch.kl_weight * kl(method.kl_estimator, logp, anchor)
    if method.entropy_coefficient > 0:
        terms["loss_entropy"] = -method.entropy_coefficient * batch.token_scale * entropy

    metrics = {name: value.detach().sum(dtype=torch.float64) for name, value in (terms | sums).items()}
    return torch.stack([term.sum() for term in terms.values()]).sum(), metrics


def averages(totals: dict[str, float]) -> dict[str, float]:
    """Turn metrics that were added up over a whole mini-batch into what is logged."""
    tokens = max(1.0, totals["tokens"])
    means = {name: totals[key] / tokens for key, name in MEANS.items() if key in totals}
    return means | {key: value for key, value in totals.items() if key.startswith("loss_")}

"""The one loss of all methods: a sum over tokens whose weights a plan has fixed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sent.config import Method
from sent.training.kl import kl
from sent.training.plan import TokenPlan

MEANS = {"clipped": "clip_fraction", "kl_old": "kl_old", "kl_reference": "kl_reference", "entropy": "entropy"}
"""Metrics that are sums over tokens, and their names once divided by ``tokens``."""


@dataclass(frozen=True)
class MicroBatch:
    """Some sequences of an optimizer mini-batch. Tensors ``[B, T]``; padding may hold anything."""

    logp_old: Tensor
    """Log-probabilities under the policy that wrote the responses."""
    mask: Tensor
    """bool: response tokens."""
    plan: TokenPlan
    """These sequences' part of the mini-batch's plan."""
    logp_ref: Tensor | None = None
    """Log-probabilities under the reference; needed if ``method.needs_reference``."""
    importance: Tensor | None = None
    """Weights of the policy gradient that correct for a sampler whose probabilities differ from the
    trainer's.
    """


def objective(
    method: Method, logp: Tensor, entropy: Tensor | None, batch: MicroBatch
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss of a micro-batch and its metrics.

        sum_t scale_t (w_t PG_t + beta_t KL_t + c_ref KL_t(reference)) - c_H sum_t H_t / N

    PG = -min(r A, clip(r) A), or -r A without a clip range; r = exp(logp - logp_old). ``logp`` and
    ``entropy`` ``[B, T]`` carry gradients; ``entropy`` may be None where ``method.entropy_coefficient`` is 0.

    The loss is a SUM that the plan has scaled: adding the micro-batches of all processes gives the mini-
    batch's. So are the metrics: ``loss_*`` add up to the loss's parts, and the others, divided by ``tokens``,
    are means (:func:`averages`).
    """
    mask, plan = batch.mask, batch.plan

    def masked(values: Tensor) -> Tensor:
        return torch.where(mask, values, torch.zeros_like(values))

    logp, logp_old, scale = masked(logp), masked(batch.logp_old), masked(plan.scale)
    ratio = (logp - logp_old).exp()
    gain = ratio * plan.advantages
    clipped = torch.zeros_like(mask)
    if method.clip_low is not None:
        held = ratio.clamp(1 - method.clip_low, 1 + method.clip_high) * plan.advantages
        clipped = (gain > held) & (plan.pg_weight > 0)
        gain = torch.minimum(gain, held)
    if batch.importance is not None:
        gain = gain * masked(batch.importance)
    parts = {"loss_policy": -(scale * plan.pg_weight * gain).sum()}
    sums = {"tokens": mask, "clipped": clipped, "kl_old": kl("k3", logp, logp_old)}

    if batch.logp_ref is not None:
        logp_ref = masked(batch.logp_ref)
        sums["kl_reference"] = kl("k3", logp, logp_ref)
        if method.reference_kl > 0:
            penalty = kl(method.reference_estimator, logp, logp_ref)
            parts["loss_reference"] = method.reference_kl * (scale * penalty).sum()
    elif method.needs_reference:
        raise ValueError("this method needs the reference's log-probabilities")
    if method.kl_anchor is not None:
        anchor = logp_old if method.kl_anchor == "old" else logp_ref
        parts["loss_kl"] = (scale * plan.kl_weight * kl(method.kl_estimator, logp, anchor)).sum()
    if entropy is not None:
        sums["entropy"] = masked(entropy)
    if method.entropy_coefficient > 0:
        parts["loss_entropy"] = -method.entropy_coefficient * plan.token_scale * sums["entropy"].sum()

    metrics = {name: value.detach().sum(dtype=torch.float64) for name, value in (parts | sums).items()}
    return torch.stack(list(parts.values())).sum(), metrics


def averages(totals: dict[str, float]) -> dict[str, float]:
    """Turn metrics that were added up over a whole mini-batch into what is logged."""
    tokens = max(1.0, totals["tokens"])
    means = {name: totals[key] / tokens for key, name in MEANS.items() if key in totals}
    return means | {key: value for key, value in totals.items() if key.startswith("loss_")}

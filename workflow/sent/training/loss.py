"""The one loss of all methods: a sum over tokens whose weights are fixed beforehand."""

import numpy as np
import torch
from torch import Tensor

from sent.config import Method
from sent.config.training import EntropyController
from sent.errors import SentError
from sent.training import parts, recipe
from sent.training.batch import WeighedBatch, offsets_of
from sent.training.kl import kl

MEANS = ("kl_old", "kl_reference")
"""Metrics that are means over the tokens that a loss has seen."""


def method_loss(
    method: Method,
    logp: Tensor,
    entropy: Tensor | None,
    batch: WeighedBatch,
    importance_cap: float | None = None,
    entropy_coefficient: float | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss of a micro-batch and its metrics.

        sum_t scale_t (w_t PG_t + beta_t KL_t + c_ref KL_t(reference)) - c_H sum_t H_t / N

    PG is the method's surrogate with its sign turned (:func:`gains`). ``logp`` and ``entropy`` ``[n]``, of the tokens of
    the batch's responses, carry gradients; ``entropy`` may be None where ``method.entropy`` is 0. Where that is a
    controller, ``entropy_coefficient`` is what it gives now. With an ``importance_cap``, PG is weighed by how much
    likelier the trainer holds the token than the sampler did, up to the cap.

    The loss is a SUM that ``batch.scale`` has scaled: adding the micro-batches of all processes gives the mini-
    batch's. So are the metrics: ``loss_*`` add up to the loss's parts, and :func:`averages` makes means of the others.
    """
    gain, held = gains(method, logp, batch.logp_old, batch.advantage, batch.lengths)
    clipped = held & (batch.pg_weight > 0)
    if importance_cap is not None:
        gain = gain * (batch.logp_old - batch.sampler_logp).exp().clamp(max=importance_cap)
    terms = {"loss_policy": -batch.scale * batch.pg_weight * gain}
    sums = {"tokens": torch.ones_like(gain), "clipped": clipped, "kl_old": kl("k3", logp, batch.logp_old)}
    if batch.logp_ref is not None:
        sums["kl_reference"] = kl("k3", logp, batch.logp_ref)
    if method.reference_kl > 0:
        penalty = kl(method.reference_estimator, logp, batch.anchor("reference"))
        terms["loss_reference"] = method.reference_kl * (batch.scale * penalty)
    if method.kl_anchor is not None:
        divergence = kl(method.kl_estimator, logp, batch.anchor(method.kl_anchor))
        terms["loss_kl"] = batch.scale * batch.kl_weight * divergence
    if method.entropy != 0:
        coefficient = method.entropy if entropy_coefficient is None else entropy_coefficient
        assert entropy is not None and not isinstance(coefficient, EntropyController), "both are given"
        terms["loss_entropy"] = -coefficient * batch.token_scale * entropy

    metrics = {name: value.detach().sum(dtype=torch.float64) for name, value in (terms | sums).items()}
    return torch.stack([term.sum() for term in terms.values()]).sum(), metrics


def pulling(method: Method, batch: WeighedBatch, entropy_coefficient: float | None = None) -> np.ndarray:
    """Return which sequences ``[B]`` (bool) :func:`method_loss` can have a gradient in; the others need no pass.

    A token without advantage or weight has no policy gradient, as far as the surrogate says so; a KL to the reference
    and an entropy bonus pull at every token. Of the method's own KL the weights of the tokens decide.
    """
    coefficient = method.entropy if entropy_coefficient is None else entropy_coefficient
    bonus = method.entropy != 0 and coefficient != 0
    if bonus or method.reference_kl > 0 or not recipe.needs_advantage(method):
        return np.ones(len(batch), dtype=bool)
    pulls = (batch.pg_weight != 0) & (batch.advantage != 0)
    if method.kl_anchor is not None:
        pulls |= batch.kl_weight != 0
    return np.diff(offsets_of(pulls.numpy())[batch.offsets]) > 0


def gains(
    method: Method, logp: Tensor, logp_old: Tensor, advantage: Tensor, lengths: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Return what the policy gradient maximises of each token ``[n]``, and which tokens' gradient a bound holds.

    The tokens are those of whole responses of ``lengths`` ``[b]``. The ratio is exp(logp - logp_old), or for
    ``ratio: sequence`` that of the mean over the response (GSPO, Zheng et al. 2025, eq. 7). Raises
    :class:`SentError` if the method's surrogate returns anything but two such tensors.
    """
    log_ratio = logp - logp_old
    if method.ratio == "sequence":
        log_ratio = _mean_of_sequences(log_ratio, lengths)
    found = recipe.surrogate(method)(log_ratio.exp(), advantage, logp)
    is_pair = isinstance(found, tuple) and len(found) == 2 and all(isinstance(x, Tensor) for x in found)
    if not is_pair or any(x.shape != logp.shape for x in found) or found[1].dtype != torch.bool:
        raise SentError(
            f"{parts.function_at('surrogate', method.surrogate.name)} must return two tensors of {len(logp)} values, "
            f"one a token: what is maximised, and whether a bound holds it (bool); found {_described(found)}"
        )
    return found


def _mean_of_sequences(values: Tensor, lengths: np.ndarray) -> Tensor:
    """Return for each token ``[n]`` the mean over its response."""
    if len(values) == 0:
        return values
    counts = torch.from_numpy(lengths).to(values.device)
    means = torch.segment_reduce(values, "mean", lengths=counts)
    # Indexing adds up gradients in a fixed order on GPUs, which `means.repeat_interleave(counts)` does not.
    return means[torch.repeat_interleave(counts, output_size=len(values))]


def _described(found: object) -> str:
    if isinstance(found, tuple):
        return f"({', '.join(map(_described, found))})"
    if isinstance(found, Tensor):
        return f"{str(found.dtype).removeprefix('torch.')} of shape {tuple(found.shape)}"
    return type(found).__name__


def averages(totals: dict[str, float], tokens: float) -> dict[str, float]:
    """Turn metrics that were added up over a mini-batch of so many ``tokens`` into what is logged.

    Tokens that the loss has not seen, as they pull at nothing (:func:`pulling`), are held by no bound. How far they are
    from an anchor is not known, so they are no part of the means.
    """
    found = {"clip_fraction": totals["clipped"] / max(1.0, tokens)}
    if totals["tokens"] > 0:
        found |= {name: totals[name] / totals["tokens"] for name in MEANS if name in totals}
    return found | {key: value for key, value in totals.items() if key.startswith("loss_")}

"""Decide once per optimizer mini-batch, over all its sequences, how each token enters the loss."""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from sent.config import Method
from sent.errors import SentError
from sent.training import objectives
from sent.training.selection import Choice, Tokens, count, covariance, lowest

LOW_SHARE = 0.8
"""Share of tokens whose mean entropy is logged as that of the low set, for every method alike."""

QUANTILES = {"p01": 0.01, "p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
"""Quantiles of the covariance in the log."""


class NonFiniteError(SentError):
    """Statistics that are not numbers; ``keys`` are the sequences they belong to."""

    def __init__(self, keys: list[int], what: str):
        self.keys = keys
        super().__init__(f"{what} is not finite in {len(keys)} sequences; stop, and look at what they hold")


@dataclass(frozen=True)
class TokenStatistics:
    """A whole optimizer mini-batch, from the pass without gradients. Tensors ``[B, T]``; padding may hold
    anything.
    """

    logp: Tensor
    """Log-probabilities of the sampled tokens under the policy that this update starts from."""
    logp_old: Tensor
    """The same under the policy that wrote the responses."""
    entropy: Tensor
    """Full-vocabulary entropies, nats."""
    advantages: Tensor
    """Group-normalised advantages, one value repeated along each response."""
    mask: Tensor
    """bool: response tokens."""
    keys: Tensor
    """int64 ``[B]``: a different number for each response, the same however the run is split."""


@dataclass(frozen=True)
class TokenPlan:
    """How each token enters the loss. Tensors ``[B, T]``, 0 at padding."""

    advantages: Tensor
    """Advantages as the method shapes them."""
    pg_weight: Tensor
    """Weight of the policy-gradient term."""
    kl_weight: Tensor
    """Coefficient of the method's own KL term."""
    scale: Tensor
    """Factor that makes the loss a plain sum over tokens, whatever the aggregation."""
    token_scale: float
    """1 / number of valid tokens of the mini-batch: the factor of means over all tokens."""
    diagnostics: dict[str, float]
    """Figures for the training log; a figure that is not defined is left out."""

    def part(self, rows, columns=slice(None)) -> "TokenPlan":
        """Return the plan of some sequences (any index of the first dimension), and of some of their
        columns.
        """
        tensors = {f.name: getattr(self, f.name)[rows][:, columns] for f in fields(self) if f.type is Tensor}
        return replace(self, **tensors)


def plan_tokens(method: Method, stats: TokenStatistics, seed: int) -> TokenPlan:
    """Return the plan of a mini-batch: ``stats`` must hold ALL its sequences, of all processes, in any order.

    ``seed`` should name the seed of the run, the step and the update. Cost: a few sorts of the tokens, in
    float64 on the CPU. Raises :class:`NonFiniteError` if a valid token's statistics are not numbers.
    """
    order = torch.argsort(stats.keys.cpu()).numpy()
    keys = stats.keys.cpu().numpy()[order]
    if len(np.unique(keys)) < len(keys):
        raise ValueError(f"sequence keys must differ, found {len(keys) - len(np.unique(keys))} repeated")
    mask = stats.mask.cpu().numpy().astype(bool)[order]
    tokens = _tokens(method, stats, order, keys, mask, seed)
    decide = objectives.bind(method.objective, method.constants)
    choice = decide(tokens) if len(tokens) else Choice()
    ones, zeros = np.ones(len(tokens)), np.zeros(len(tokens))
    pg_weight = ones if choice.pg_weight is None else choice.pg_weight
    kl_weight = zeros if choice.kl_weight is None else choice.kl_weight
    if method.kl_anchor is None and kl_weight.any():
        raise SentError(f"objective '{method.objective}' sets KL weights, so its method needs `kl_anchor`")
    columns = {
        "advantages": tokens.advantages if choice.advantages is None else choice.advantages,
        "pg_weight": pg_weight,
        "kl_weight": kl_weight,
        "scale": _scale(method.aggregation, tokens, pg_weight),
    }

    def lay_out(values: np.ndarray) -> Tensor:
        grid = np.zeros(mask.shape)
        grid[mask] = values
        grid[order] = grid.copy()
        return torch.from_numpy(grid).to(stats.logp)

    return TokenPlan(
        **{name: lay_out(values) for name, values in columns.items()},
        token_scale=1.0 / max(1, len(tokens)),
        diagnostics=_diagnostics(tokens, pg_weight, kl_weight) | choice.diagnostics,
    )


def _tokens(method, stats, order, keys, mask, seed) -> Tokens:
    """Flatten the statistics to the valid tokens, in the order of (key, position)."""
    sequence, column = np.nonzero(mask)
    flat = {}
    for name in ("logp", "logp_old", "entropy", "advantages"):
        flat[name] = getattr(stats, name).detach().double().cpu().numpy()[order][mask]
        if not np.isfinite(flat[name]).all():
            raise NonFiniteError(keys[np.unique(sequence[~np.isfinite(flat[name])])].tolist(), name)
    clipped = np.zeros(len(sequence), dtype=bool)
    if method.clip_low is not None:
        ratio = np.exp(flat["logp"] - flat["logp_old"])
        held = np.clip(ratio, 1 - method.clip_low, 1 + method.clip_high)
        clipped = flat["advantages"] * ratio > flat["advantages"] * held
    first = mask.argmax(axis=1) if mask.shape[1] else np.zeros(len(mask), dtype=int)
    return Tokens(
        **flat, clipped=clipped, position=column - first[sequence], sequence=sequence, keys=keys, seed=seed
    )


def _scale(aggregation: str, tokens: Tokens, pg_weight: np.ndarray) -> np.ndarray:
    """Return the factor of each token ``[N]`` with which the aggregation is a plain sum."""
    if aggregation == "sequence_mean":
        lengths = np.bincount(tokens.sequence, minlength=len(tokens.keys))
        return 1.0 / (lengths[tokens.sequence] * max(1, np.count_nonzero(lengths)))
    terms = np.count_nonzero(pg_weight) if aggregation == "selected_mean" else len(tokens)
    return np.full(len(tokens), 1.0 / max(1, terms))


def _diagnostics(tokens: Tokens, pg_weight: np.ndarray, kl_weight: np.ndarray) -> dict[str, float]:
    """Return what is logged for every method; one with two betas says itself how many tokens have which."""
    result = {"tokens": float(len(tokens)), "sequences": float(len(np.unique(tokens.sequence)))}
    if len(tokens) == 0:
        return result
    low = lowest(tokens.entropy, count(LOW_SHARE, len(tokens)))
    covariances = covariance(tokens)
    result["entropy"] = float(tokens.entropy.mean())
    result["entropy_low_set"] = float(tokens.entropy[low].mean())
    result["entropy_threshold"] = float(tokens.entropy[low].max())
    result["covariance"] = float(covariances.mean())
    quantiles = np.quantile(covariances, list(QUANTILES.values()))
    result |= {f"covariance_{name}": float(value) for name, value in zip(QUANTILES, quantiles, strict=True)}
    result["share_pg"] = float((pg_weight > 0).mean())
    result["share_beta_high"] = float((kl_weight > 0).mean())
    result["share_beta_low"] = 0.0
    result["share_beta_zero"] = float((kl_weight == 0).mean())
    result["beta"] = float(kl_weight.mean())
    return result

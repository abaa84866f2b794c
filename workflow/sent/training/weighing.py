"""Decide once per optimizer mini-batch, over all its sequences, how each token enters the loss."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sent.config import Method
from sent.errors import SentError
from sent.training import parts
from sent.training.batch import ScoredBatch, WeighedBatch, offsets_of
from sent.training.loss import gains
from sent.training.selection import Choice, Tokens, count, covariance, lowest

LOW_SHARE = 0.8
"""Share of tokens whose mean entropy is logged as that of the low set, for every method alike."""

QUANTILES = {"p01": 0.01, "p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
"""Quantiles of the covariance in the log."""


class NonFiniteError(SentError):
    """Something is no number; ``keys`` are the sequences it belongs to, or None for all of a mini-batch."""

    def __init__(self, keys: list[int] | None, what: str):
        self.keys = keys
        super().__init__(f"{what} is not finite" + ("" if keys is None else f" in {len(keys)} sequences"))


def weighed(
    method: Method,
    batch: ScoredBatch,
    logp: Tensor,
    entropy: Tensor,
    seed: int,
    gather: Callable[[list], list] = list,
    limit: int | None = None,
) -> tuple[WeighedBatch, dict[str, float]]:
    """Return a process's share of a mini-batch with the weights of its tokens, and figures for the log.

    ``logp`` and ``entropy`` ``[N]`` are of the policy that the update starts from, or of the old one where the
    weighting does not need it; ``gather`` puts lists of all processes together. ``seed`` should name the update, ``limit`` is the
    length that responses are cut at.
    """
    values = (logp, batch.logp_old, entropy, batch.entropy_old)
    share = (batch.keys, batch.lengths, batch.advantages, *(v.numpy() for v in values))
    tokens = tokens_of(gather([share]), method, seed)
    weights, figures = weigh(method, tokens, limit)
    rows = np.searchsorted(tokens.keys, batch.keys)
    mine = np.repeat(tokens.offsets[:-1][rows] - batch.offsets[:-1], batch.lengths) + np.arange(len(logp))
    known: dict[str, Any] = vars(batch) | {"token_scale": 1.0 / max(1, len(tokens))}
    flat = {name: torch.from_numpy(w[mine]).to(batch.logp_old) for name, w in weights.items()}
    return WeighedBatch(**known | flat), figures


def tokens_of(shares: list[tuple], method: Method, seed: int) -> Tokens:
    """Put the shares of all processes together, their sequences by key.

    A share is keys, lengths and advantages ``[B]``, and logp, logp_old, entropy and entropy_old ``[N]``.
    """
    keys, lengths, advantages, *values = (np.concatenate(column) for column in zip(*shares, strict=True))
    if len(np.unique(keys)) < len(keys):
        raise ValueError(f"sequence keys must differ, found {len(keys) - len(np.unique(keys))} repeated")
    order = np.argsort(keys)
    offsets = offsets_of(lengths[order])
    places = np.repeat(offsets_of(lengths)[:-1][order] - offsets[:-1], lengths[order]) + np.arange(
        offsets[-1]
    )
    logp, logp_old, entropy, entropy_old = (v[places].astype(np.float64) for v in values)
    repeated = np.repeat(advantages[order].astype(np.float64), lengths[order])
    known = [torch.from_numpy(values) for values in (logp, logp_old, repeated)]
    gain, held = gains(method, known[0], known[1], known[2], lengths[order])
    if bad := (~gain.isfinite() & torch.stack(known).isfinite().all(dim=0)).sum().item():
        name = parts.function_at("surrogate", method.surrogate.name)
        raise SentError(f"{name}: what it returns is not finite for {bad} of {len(gain)} tokens")
    return Tokens(
        logp=logp, logp_old=logp_old, entropy=entropy, entropy_old=entropy_old, advantages=repeated,
        clipped=held.numpy(), offsets=offsets, keys=keys[order], seed=seed,
    )  # fmt: skip


def weigh(
    method: Method, tokens: Tokens, limit: int | None = None
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Return how each token enters the loss, and figures for the log; one that is not defined is left out.

    ``tokens`` are ALL of a mini-batch, of all processes, of responses that were cut at ``limit`` tokens. The arrays
    ``[N]`` are ``advantage`` (as the method shapes it), ``pg_weight``, ``kl_weight`` and ``scale``, with which the
    loss is a plain sum over tokens. Cost: a few sorts of the tokens. Raises :class:`NonFiniteError` if a statistic is
    not a number, and :class:`SentError` if what the weighting returns cannot be used.
    """
    _check_finite(tokens)
    choice = Choice()
    if len(tokens):
        choice = parts.bind("weighting", method.weighting)(tokens)
        _check_choice(method, choice, tokens)
    weights = {
        "advantage": tokens.advantages if choice.advantages is None else choice.advantages,
        "pg_weight": np.ones(len(tokens)) if choice.pg_weight is None else choice.pg_weight,
        "kl_weight": np.zeros(len(tokens)) if choice.kl_weight is None else choice.kl_weight,
    }
    weights["scale"] = _scale(method.aggregation, tokens, weights["pg_weight"], limit)
    figures = _figures(tokens, weights["pg_weight"], weights["kl_weight"]) | choice.diagnostics
    return weights, figures


def _check_finite(tokens: Tokens) -> None:
    for name in ("logp", "logp_old", "entropy", "entropy_old", "advantages"):
        values = getattr(tokens, name)
        if not np.isfinite(values).all():
            raise NonFiniteError(tokens.keys[np.unique(tokens.sequence[~np.isfinite(values)])].tolist(), name)


def _varies_within(values: np.ndarray, tokens: Tokens) -> bool:
    """Whether tokens of one response have different values."""
    return bool((values != values[tokens.offsets[tokens.sequence]]).any())


def _check_choice(method: Method, choice: Choice, tokens: Tokens) -> None:
    """Refuse what the loss could not use."""
    n = len(tokens)
    name = parts.function_at("weighting", method.weighting.name)
    if not isinstance(choice, Choice):
        raise SentError(
            f"{name} returned {type(choice).__name__}, expected a Choice (sent.training.selection)"
        )
    for field in ("advantages", "pg_weight", "kl_weight"):
        values = getattr(choice, field)
        if values is None:
            continue
        if not isinstance(values, np.ndarray) or values.shape != (n,):
            found = f"of shape {values.shape}" if hasattr(values, "shape") else type(values).__name__
            raise SentError(
                f"{name}: {field} must be a NumPy array of {n} values, one a token; found {found}"
            )
        if not np.isfinite(values).all():
            raise SentError(f"{name}: {field} is not finite for {(~np.isfinite(values)).sum()} of {n} tokens")
        if field != "advantages" and (values < 0).any():
            raise SentError(
                f"{name}: {field} is negative for {(values < 0).sum()} of {n} tokens; expected 0 or more"
            )
    for field, value in choice.diagnostics.items():
        if not isinstance(value, int | float) or not np.isfinite(value):
            raise SentError(
                f"{name}: figure '{field}' for the log must be a finite number, found {value!r:.100}"
            )
    if method.ratio == "sequence" and any(
        values is not None and _varies_within(values, tokens)
        for values in (choice.advantages, choice.pg_weight)
    ):
        raise SentError(
            f"{name}: weighs the tokens of one response differently, whose ratio is one (`ratio: sequence`); set `ratio: token`"
        )
    if method.kl_anchor is None and choice.kl_weight is not None and choice.kl_weight.any():
        raise SentError(f"{name} sets KL weights, so its method needs `kl_anchor`")


def _scale(aggregation: str, tokens: Tokens, pg_weight: np.ndarray, limit: int | None) -> np.ndarray:
    """Return the factor of each token ``[N]`` with which the aggregation is a plain sum."""
    lengths = np.diff(tokens.offsets)
    responses = int(np.count_nonzero(lengths))
    if aggregation == "sequence_mean":
        return 1.0 / (lengths[tokens.sequence] * max(1, responses))
    if aggregation == "constant":
        assert limit is not None, "it is needed, and so given"
        terms = responses * limit
    else:
        terms = int(np.count_nonzero(pg_weight)) if aggregation == "selected_mean" else len(tokens)
    return np.full(len(tokens), 1.0 / max(1, terms))


def _figures(tokens: Tokens, pg_weight: np.ndarray, kl_weight: np.ndarray) -> dict[str, float]:
    """Return what is logged for every method; entropies and covariances are those of the policy of the rollout."""
    result = {"tokens": float(len(tokens)), "sequences": float(np.count_nonzero(np.diff(tokens.offsets)))}
    if len(tokens) == 0:
        return result
    low = lowest(tokens.entropy_old, count(LOW_SHARE, len(tokens)))
    covariances = covariance(replace(tokens, logp=tokens.logp_old))
    result["entropy"] = float(tokens.entropy_old.mean())
    result["entropy_low_set"] = float(tokens.entropy_old[low].mean())
    result["entropy_threshold"] = float(tokens.entropy_old[low].max())
    result["covariance"] = float(covariances.mean())
    quantiles = np.quantile(covariances, list(QUANTILES.values()))
    result |= {f"covariance_{name}": float(value) for name, value in zip(QUANTILES, quantiles, strict=True)}
    result["share_pg"] = float((pg_weight > 0).mean())
    result["share_beta_high"] = float((kl_weight > 0).mean())
    result["share_beta_low"] = 0.0
    result["share_beta_zero"] = float((kl_weight == 0).mean())
    result["beta"] = float(kl_weight.mean())
    return result

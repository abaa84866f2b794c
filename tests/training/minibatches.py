"""Mini-batches from small grids of numbers, one row a response, for tests of weights and losses."""

import numpy as np
import torch
from sent.config import Method
from sent.training.batch import ScoredBatch, WeighedBatch, offsets_of
from sent.training.weighing import tokens_of, weigh, weighed

LIMIT = 9
"""Tokens that responses are cut at."""


def share_of(
    logp, advantages=None, entropy=None, logp_old=None, keys=None, mask=None, entropy_old=None
) -> tuple:
    """Return a share as :func:`sent.training.weighing.tokens_of` takes it, from ``[B, T]`` lists or arrays.

    ``mask`` says which places hold a token (default: all), ``advantages`` may be ``[B]`` or ``[B, T]`` (default: 1).
    """
    logp = np.asarray(logp, dtype=float)
    mask = np.ones(logp.shape, dtype=bool) if mask is None else np.asarray(mask)
    entropy = np.zeros(logp.shape) if entropy is None else np.asarray(entropy, dtype=float)
    advantages = np.ones(len(logp)) if advantages is None else np.asarray(advantages, dtype=float)
    grids = (
        logp,
        logp if logp_old is None else logp_old,
        entropy,
        entropy if entropy_old is None else entropy_old,
    )
    return (
        np.arange(len(logp)) if keys is None else np.asarray(keys),
        mask.sum(axis=1),
        advantages[:, 0] if advantages.ndim > 1 else advantages,
        *(np.asarray(grid, dtype=float)[mask] for grid in grids),
    )


def weights_of(method: Method, share: tuple, seed: int = 0) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Return a mini-batch's weights ``[N]`` by key and position, and its figures."""
    return weigh(method, tokens_of([share], method, seed), LIMIT)


def batch_of(method: Method, share: tuple, logp_ref=None, sampler_logp=None, seed: int = 0) -> WeighedBatch:
    """Return the mini-batch with its weights; ``logp_ref`` and ``sampler_logp`` are ``[N]`` (default: the old ones)."""
    keys, lengths, advantages, logp, logp_old, entropy, entropy_old = share
    old = torch.from_numpy(logp_old)
    batch = ScoredBatch(
        prompts=[(2,)] * len(keys),
        questions=["q"] * len(keys),
        keys=keys,
        advantages=advantages,
        offsets=offsets_of(lengths),
        ids=torch.full(old.shape, 3),
        sampler_logp=old if sampler_logp is None else sampler_logp,
        logp_old=old,
        entropy_old=torch.from_numpy(entropy_old),
        logp_ref=old if logp_ref is None else logp_ref,
    )
    return weighed(method, batch, torch.from_numpy(logp), torch.from_numpy(entropy), seed, limit=LIMIT)[0]

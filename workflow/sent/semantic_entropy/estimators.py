"""Entropy of clusters of meaning, in nats: estimators with their sources. Plain functions of a few numbers.

``counts`` are the sizes of a question's clusters, each at least 1. Every function returns 0.0 where there are
no samples: a number with a count of 0 beside it, never a NaN.
"""

import math
from collections.abc import Sequence

import numpy as np


def discrete(counts: Sequence[int]) -> float:
    """Semantic entropy from cluster sizes, ``-sum(n_k/N * ln(n_k/N))``.

    The discrete estimator of Farquhar et al., Nature 630 (2024); it needs no log-probabilities.
    """
    total = sum(counts)
    return entropy([count / total for count in counts])


def rao_blackwell(labels: Sequence[int], logprobs: Sequence[float]) -> float:
    """Semantic entropy from probabilities, ``-sum(p_k * ln(p_k))``.

    ``p_k`` is the sum over cluster k of ``exp(logprob)``, normalised over the clusters; ``logprobs`` are
    length-normalised (mean over a response's tokens). Farquhar et al., Nature 630 (2024), in the
    normalised form of their code; Kuhn et al., ICLR 2023, for the length normalisation.
    """
    if not labels:
        return 0.0
    highest = max(logprobs)
    mass: dict[int, float] = {}
    for label, logprob in zip(labels, logprobs, strict=True):
        mass[label] = mass.get(label, 0.0) + math.exp(logprob - highest)
    total = sum(mass.values())
    return entropy([share / total for share in mass.values()])


def normalised(counts: Sequence[int]) -> float:
    """Discrete semantic entropy over its largest possible value ``ln N``: 0 all the same, 1 all different."""
    total = sum(counts)
    return discrete(counts) / math.log(total) if total > 1 else 0.0


def miller_madow(counts: Sequence[int]) -> float:
    """Discrete entropy plus ``(K - 1) / 2N``: first-order correction for few samples (Miller, 1955)."""
    return discrete(counts) + (len(counts) - 1) / (2 * sum(counts)) if counts else 0.0


def chao_shen(counts: Sequence[int]) -> float:
    """Coverage-adjusted entropy, ``-sum(q_k ln q_k / (1 - (1 - q_k)^N))`` with ``q_k = C n_k/N``.

    ``C = 1 - f1/N`` estimates the share of meanings seen, from the number f1 of clusters of one sample.
    Where all are of one, ``f1 = N - 1``, as C would be 0. Chao and Shen, Environ. Ecol. Stat. 10 (2003).
    """
    total = sum(counts)
    if total == 0:
        return 0.0
    singletons = sum(count == 1 for count in counts)
    coverage = 1 - min(singletons, total - 1) / total
    shares = [coverage * count / total for count in counts]
    return sum(-q * math.log(q) / (1 - (1 - q) ** total) for q in shares) + 0.0


def predictive_entropy(logprob_sums: Sequence[float]) -> float:
    """Entropy over texts rather than meanings, for comparison: ``-mean(logprob_sum)``, by Monte Carlo.

    Nats a response; Kuhn et al., ICLR 2023.
    """
    return -sum(logprob_sums) / len(logprob_sums) + 0.0 if logprob_sums else 0.0


def standard_error(counts: Sequence[int], resamples: int, generator: np.random.Generator) -> float:
    """Bootstrap standard error of :func:`discrete`: its SD when samples are drawn again, with replacement.

    Only sizes matter, so a resample is one multinomial draw. It is 0 where all samples agree: a bootstrap
    knows nothing of meanings that were never sampled.
    """
    if len(counts) < 2 or resamples < 2:
        return 0.0
    total = sum(counts)
    shares = generator.multinomial(total, np.asarray(counts) / total, size=resamples) / total
    logs = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
    return float(np.std(-(shares * logs).sum(axis=1), ddof=1))


def entropy(shares: Sequence[float]) -> float:
    """Shannon entropy ``-sum(p ln p)`` in nats of shares that add up to 1; a share of 0 adds nothing."""
    return -sum(share * math.log(share) for share in shares if share > 0) + 0.0

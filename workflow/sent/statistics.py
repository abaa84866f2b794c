"""Formulas of the metrics: pass@k, bootstrap over questions, sign-flip tests, Holm's correction."""

from math import comb

import numpy as np

RESAMPLES = 2000
FLIPS = 5000
INTERVAL = (0.025, 0.975)


def pass_at_k(n: np.ndarray, correct: np.ndarray, k: int) -> np.ndarray:
    """Return the unbiased pass@k, float64 ``[..., Q]``, NaN where ``n < k``.

    ``n`` (responses, whole ``[Q]``) and ``correct`` (right ones, whole ``[..., Q]``) count by question.
    1 - C(n-c, k) / C(n, k) (Chen et al., 2021), from exact integers.
    """
    values = np.full(correct.shape, np.nan)
    for size in map(int, np.unique(n[n >= k])):
        by_count = np.array([1 - comb(size - c, k) / comb(size, k) for c in range(size + 1)])
        values[..., n == size] = by_count[correct[..., n == size]]
    return values


def bootstrap_weights(questions: int, rng: np.random.Generator, resamples: int = RESAMPLES) -> np.ndarray:
    """Return weights ``[R, Q]``: a weighted sum is the mean over questions drawn with replacement."""
    return rng.multinomial(questions, np.full(questions, 1 / questions), size=resamples) / questions


def sign_weights(questions: int, rng: np.random.Generator, flips: int = FLIPS) -> np.ndarray:
    """Return weights ``[F, Q]`` of +1/Q and -1/Q: a weighted sum is a mean of randomly signed differences."""
    return rng.choice([-1.0, 1.0], size=(flips, questions)) / questions


def interval(resampled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper ends ``[C]`` of 95% percentile intervals over the rows of ``[R, C]``."""
    low, high = np.quantile(resampled, INTERVAL, axis=0)
    return low, high


def sign_flip_p(observed: np.ndarray, flipped: np.ndarray) -> np.ndarray:
    """Return two-sided p-values ``[C]`` of mean differences ``[C]`` against sign-flipped ones ``[F, C]``.

    (1 + number at least as far from 0) / (1 + F), which is never 0 (Phipson & Smyth, 2010). NaN stays NaN.
    """
    extreme = (np.abs(flipped) >= np.abs(observed) - 1e-12).sum(axis=0)
    return np.where(np.isnan(observed), np.nan, (1 + extreme) / (1 + len(flipped)))


def holm(p: np.ndarray) -> np.ndarray:
    """Return p-values ``[M]`` corrected for M comparisons (Holm, 1979); NaN counts as no comparison."""
    from statsmodels.stats.multitest import multipletests

    corrected, known = np.full(len(p), np.nan), ~np.isnan(p)
    if known.any():
        corrected[known] = multipletests(p[known], method="holm")[1]
    return corrected


def repeated_evaluations(
    n: np.ndarray, correct: np.ndarray, rng: np.random.Generator, repeats: int = 400
) -> np.ndarray:
    """Return counts of right responses ``[repeats, Q]`` as other evaluation seeds might give them.

    Those of question q come from Binomial(n_q, c_q / n_q).
    """
    return rng.binomial(n, correct / n, size=(repeats, len(n)))

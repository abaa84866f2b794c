"""Formulas of the metrics: pass@k, G-Pass@k, intervals over questions and over training seeds, tests, Holm's correction."""

import gc
from dataclasses import dataclass
from functools import cache
from math import ceil, comb

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


def g_pass_at_k(n: np.ndarray, correct: np.ndarray, k: int, share: float = 1.0) -> np.ndarray:
    """Return the chance that at least ``share`` of k responses are right, float64 ``[Q]``, NaN where ``n < k``.

    G-Pass@k with threshold tau = ``share`` (Liu et al., 2024, arXiv 2412.13147, eq. 4): the sum over
    j = ceil(tau k), ..., c of C(c, j) C(n-c, k-j) / C(n, k), from exact integers. With 1 all k are right.
    """
    return _by_count(n, correct, k, tuple(float(found >= ceil(share * k)) for found in range(k + 1)))


def mean_g_pass_at_k(n: np.ndarray, correct: np.ndarray, k: int) -> np.ndarray:
    """Return mG-Pass@k, float64 ``[Q]``: G-Pass@k, averaged over thresholds from a half to 1; NaN where ``n < k``.

    2/k times the sum over i = ceil(k/2) + 1, ..., k of G-Pass@k with tau = i/k (Liu et al., 2024, eq. 6). A draw with j
    right ones passes j - ceil(k/2) of these thresholds.
    """
    return _by_count(n, correct, k, tuple(2 / k * max(0, found - ceil(k / 2)) for found in range(k + 1)))


def _by_count(n: np.ndarray, correct: np.ndarray, k: int, worth: tuple[float, ...]) -> np.ndarray:
    """The mean worth of k responses drawn from n without replacement: ``worth`` by how many of them are right."""
    values = np.full(correct.shape, np.nan)
    for size in map(int, np.unique(n[n >= k])):
        values[n == size] = _means(size, k, worth)[correct[n == size]]
    return values


@cache
def _means(n: int, k: int, worth: tuple[float, ...]) -> np.ndarray:
    """The same by the number of right ones among the n, 0 to n."""
    draws = comb(n, k)
    return np.array(
        [
            sum(w * (comb(c, j) * comb(n - c, k - j) / draws) for j, w in enumerate(worth) if w)
            for c in range(n + 1)
        ]
    )


def bootstrap_weights(questions: int, rng: np.random.Generator, resamples: int = RESAMPLES) -> np.ndarray:
    """Return weights ``[R, Q]``: a weighted sum is the mean over questions drawn with replacement."""
    return rng.multinomial(questions, np.full(questions, 1 / questions), size=resamples) / questions


@dataclass(frozen=True)
class Estimate:
    """Means ``[C]`` over training seeds and questions, with what may have moved them.

    ``from_seeds`` is the variance of the mean over seeds, with ``seeds - 1`` degrees of freedom; ``from_questions`` what
    the choice of questions adds, with ``freedom``. NaN where a benchmark has a single question.
    """

    mean: np.ndarray
    from_seeds: np.ndarray
    from_questions: np.ndarray
    seeds: int
    freedom: np.ndarray

    def half_width(self, level: np.ndarray | float) -> np.ndarray:
        """Return half of the interval ``[C]`` that misses with the chance ``level``.

        Student's quantiles of both parts, weighted by their variances (Cochran, 1964, for the Behrens-Fisher problem).
        """
        from scipy.stats import t

        quantiles = t.isf(level / 2, self.seeds - 1), t.isf(level / 2, self.freedom)
        weighted = quantiles[0] * self.from_seeds + quantiles[1] * self.from_questions
        total = self.from_seeds + self.from_questions
        return weighted / np.sqrt(np.where(total == 0, 1, total))

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends ``[C]`` of 95% intervals."""
        half = self.half_width(1 - (INTERVAL[1] - INTERVAL[0]))
        return self.mean - half, self.mean + half

    def p(self) -> np.ndarray:
        """Return two-sided p-values ``[C]``: the level whose interval just reaches 0, found by bisection of its logarithm."""
        low, high = np.full(self.mean.shape, -12.0), np.zeros(self.mean.shape)
        for _ in range(45):
            middle = (low + high) / 2
            reaches = self.half_width(10**middle) >= np.abs(self.mean)
            low, high = np.where(reaches, middle, low), np.where(reaches, high, middle)
        return np.where(np.isnan(self.from_seeds + self.from_questions), np.nan, 10**high)


def over_seeds_and_questions(benchmarks: list[np.ndarray]) -> Estimate:
    """Return the mean over benchmarks of values ``[S, Q_b, C]``, by training seed and question, S at least 2.

    Seeds and questions are crossed random effects. The variance of the mean over seeds holds that of the seeds and, once,
    that of a seed on a question, evaluation included; from the questions comes the rest of the variance of their means:
    (MS_questions - MS_residual) / (S Q), not below 0. Benchmarks weigh the same, and their questions are apart.
    """
    share = 1 / len(benchmarks)
    by_seed = share * sum(values.mean(axis=1) for values in benchmarks)
    seeds = len(by_seed)
    parts = [share**2 * _from_questions(values) for values in benchmarks]
    total = sum(parts[1:], parts[0])
    squares = sum(
        part**2 / max(1, values.shape[1] - 1) for part, values in zip(parts, benchmarks, strict=True)
    )
    freedom = np.where(squares > 0, total**2 / np.where(squares > 0, squares, 1), 1)  # Satterthwaite, 1946
    return Estimate(by_seed.mean(axis=0), by_seed.var(axis=0, ddof=1) / seeds, total, seeds, freedom)


def _from_questions(values: np.ndarray) -> np.ndarray:
    """Variance ``[C]`` that questions add to the mean of ``[S, Q, C]``, beyond that of a seed on a question."""
    seeds, questions, _ = values.shape
    if questions < 2:
        return np.full(values.shape[2], np.nan)
    by_question = values.mean(axis=0)
    rest = values - values.mean(axis=1, keepdims=True) - by_question + values.mean(axis=(0, 1))
    residual = (rest**2).sum(axis=(0, 1)) / ((seeds - 1) * (questions - 1))
    return np.maximum(0, by_question.var(axis=0, ddof=1) - residual / seeds) / questions


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
    corrected, known = np.full(len(p), np.nan), ~np.isnan(p)
    if known.any():
        from statsmodels.stats.multitest import multipletests

        # multipletests collects garbage at every call, 0.1 s each where much is loaded: hide what is loaded from it.
        gc.freeze()
        corrected[known] = multipletests(p[known], method="holm")[1]
        gc.unfreeze()
    return corrected


def repeated_evaluations(
    n: np.ndarray, correct: np.ndarray, rng: np.random.Generator, repeats: int = 400
) -> np.ndarray:
    """Return counts of right responses ``[repeats, Q]`` as other evaluation seeds might give them.

    Those of question q come from Binomial(n_q, c_q / n_q).
    """
    return rng.binomial(n, correct / n, size=(repeats, len(n)))

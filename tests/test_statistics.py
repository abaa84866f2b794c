"""Formulas against enumeration, against scipy and by hand."""

from itertools import combinations, product

import numpy as np
import pytest
from sent.statistics import (
    bootstrap_weights,
    holm,
    interval,
    pass_at_k,
    repeated_evaluations,
    sign_flip_p,
    sign_weights,
)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_pass_at_k_is_the_share_of_subsets_that_hold_a_right_answer(k):
    for correct in range(6):
        answers = [1] * correct + [0] * (5 - correct)
        subsets = list(combinations(answers, k))
        share = sum(any(subset) for subset in subsets) / len(subsets)
        assert pass_at_k(np.array([5]), np.array([correct]), k)[0] == pytest.approx(share, abs=1e-12)


def test_pass_at_k_is_the_hypergeometric_chance_of_a_right_answer():
    from scipy.stats import hypergeom

    n, correct = np.full(9, 64), np.array([0, 1, 2, 5, 16, 32, 50, 63, 64])
    for k in (1, 8, 16, 32, 64):
        assert pass_at_k(n, correct, k) == pytest.approx(hypergeom.sf(0, 64, correct, k), abs=1e-12)


def test_pass_at_k_with_too_few_responses_is_unknown():
    values = pass_at_k(np.array([4, 8]), np.array([4, 1]), 8)
    assert np.isnan(values[0]) and values[1] == 1


def test_pass_at_k_does_not_overflow():
    assert pass_at_k(np.array([1024]), np.array([1]), 512)[0] == pytest.approx(0.5)


def test_bootstrap_agrees_with_scipy():
    from scipy.stats import bootstrap

    rng = np.random.default_rng(0)
    values = rng.random(40)
    low, high = interval(bootstrap_weights(40, rng, 20_000) @ values[:, None])
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=1).confidence_interval
    assert low[0] == pytest.approx(theirs.low, abs=0.004)
    assert high[0] == pytest.approx(theirs.high, abs=0.004)


def test_sign_flips_approach_the_exact_test():
    differences = np.array([0.5, 0.25, 0.125, -0.125, 0.3])
    means = [np.mean(np.array(signs) * differences) for signs in product([1, -1], repeat=5)]
    exact = np.mean(np.abs(means) >= abs(differences.mean()) - 1e-12)
    flipped = sign_weights(5, np.random.default_rng(0), 40_000) @ differences[:, None]
    assert sign_flip_p(np.array([differences.mean()]), flipped)[0] == pytest.approx(exact, abs=0.01)


def test_sign_flips_agree_with_scipy():
    from scipy.stats import permutation_test

    differences = np.random.default_rng(3).normal(0.1, 0.3, size=12)
    exact = permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    flipped = sign_weights(12, np.random.default_rng(0), 40_000) @ differences[:, None]
    assert sign_flip_p(np.array([differences.mean()]), flipped)[0] == pytest.approx(exact, abs=0.01)


def test_no_difference_is_no_evidence_and_an_unknown_one_is_unknown():
    flipped = sign_weights(3, np.random.default_rng(0), 100) @ np.array([[0.0, np.nan]] * 3)
    p = sign_flip_p(np.array([0.0, np.nan]), flipped)
    assert p[0] == 1 and np.isnan(p[1])


def test_holm_by_hand():
    # Sorted 0.01, 0.03, 0.04 times 3, 2, 1 is 0.03, 0.06, 0.04; the last is raised to 0.06.
    assert holm(np.array([0.04, 0.01, np.nan, 0.03])) == pytest.approx(
        [0.06, 0.03, np.nan, 0.06], nan_ok=True
    )


def test_holm_never_exceeds_one():
    assert holm(np.array([0.6, 0.9])) == pytest.approx([1.0, 1.0])


def test_repeated_evaluations_have_the_binomial_spread():
    n, correct = np.array([32, 32]), np.array([8, 32])
    repeats = repeated_evaluations(n, correct, np.random.default_rng(0), 20_000)
    assert repeats[:, 0].std() == pytest.approx(np.sqrt(32 * 0.25 * 0.75), rel=0.03)
    assert (repeats[:, 1] == 32).all()


def test_the_spread_over_evaluation_seeds_is_that_of_evaluating_again():
    rng = np.random.default_rng(0)
    chances, n = rng.beta(0.5, 0.5, size=60), np.full(60, 32)
    evaluated_again = rng.binomial(n, chances, size=(4000, 60))
    one = evaluated_again[0]
    drawn = repeated_evaluations(n, one, np.random.default_rng(1), 4000)
    for score in (lambda right: right / n, lambda right: pass_at_k(n, right, 8)):
        assert score(drawn).mean(axis=1).std() == pytest.approx(
            score(evaluated_again).mean(axis=1).std(), rel=0.2
        )

"""Formulas against enumeration, against scipy and by hand."""

from itertools import combinations, product

import numpy as np
import pytest
from sent.statistics import (
    bootstrap_weights,
    g_pass_at_k,
    holm,
    interval,
    mean_g_pass_at_k,
    over_seeds_and_questions,
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


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_g_pass_at_k_is_the_share_of_subsets_with_enough_right_answers(k):
    for correct in range(6):
        found = np.array([sum(subset) for subset in combinations([1] * correct + [0] * (5 - correct), k)])
        n, right = np.array([5]), np.array([correct])
        for share in (0.25, 0.5, 0.75, 1.0):
            assert g_pass_at_k(n, right, k, share)[0] == pytest.approx(np.mean(found >= share * k), abs=1e-12)
        thresholds = np.arange(-(-k // 2) + 1, k + 1) / k
        averaged = 2 / k * sum(np.mean(found >= share * k - 1e-9) for share in thresholds)
        assert mean_g_pass_at_k(n, right, k)[0] == pytest.approx(averaged, abs=1e-12)
    assert np.isnan(g_pass_at_k(np.array([4]), np.array([4]), 5)[0])


def test_at_the_lowest_threshold_g_pass_at_k_is_pass_at_k():
    n, correct = np.full(9, 64), np.array([0, 1, 2, 5, 16, 32, 50, 63, 64])
    assert g_pass_at_k(n, correct, 8, 1 / 8) == pytest.approx(pass_at_k(n, correct, 8), abs=1e-12)


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


def simulated(seeds, sd_seed, effect=0.0, questions=120, trials=3000, benchmarks=1):
    """Differences ``[S, Q, trials]`` with a known effect: of seeds, of questions, of both together."""
    rng = np.random.default_rng([seeds, questions, benchmarks])
    of_seed = rng.normal(0, sd_seed, (seeds, 1, trials))
    return [
        effect
        + of_seed
        + rng.normal(0, 0.1, (1, questions, trials))
        + rng.normal(0, 0.1, (seeds, questions, trials))
        for _ in range(benchmarks)
    ]


@pytest.mark.parametrize("benchmarks", [1, 3])
@pytest.mark.parametrize(("sd_seed", "most"), [(0.0, 0.98), (0.01, 0.98), (0.03, 0.97)])
@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_intervals_over_seeds_hold_a_known_effect_and_find_none_where_there_is_none(
    seeds, sd_seed, most, benchmarks
):
    """Where seeds move no more than chance does, few of them make the interval a little wide."""
    effect = 0.02
    low, high = over_seeds_and_questions(simulated(seeds, sd_seed, effect, benchmarks=benchmarks)).interval()
    assert 0.93 <= np.mean((low <= effect) & (effect <= high)) <= most
    none = over_seeds_and_questions(simulated(seeds, sd_seed, benchmarks=benchmarks))
    assert np.mean(none.p() < 0.05) < 0.06
    low, high = none.interval()
    assert ((none.p() < 0.05) == ((low > 0) | (high < 0))).all()


def test_a_bootstrap_over_questions_takes_the_chance_of_a_seed_for_an_effect():
    values = simulated(3, 0.03, trials=300)[0].mean(axis=0)
    low, high = interval(bootstrap_weights(len(values), np.random.default_rng(0)) @ values)
    assert np.mean((low <= 0) & (high >= 0)) < 0.7


def test_seeds_and_questions_by_hand():
    # Means of seeds 0.2 and 0.4, of questions 0.1 and 0.5; without interaction both variances are what they seem.
    values = np.array([[0.0, 0.4], [0.2, 0.6]])[..., None]
    found = over_seeds_and_questions([values])
    assert found.mean[0] == pytest.approx(0.3)
    assert found.from_seeds[0] == pytest.approx(0.02 / 2)
    assert found.from_questions[0] == pytest.approx(0.08 / 2)
    assert found.freedom[0] == pytest.approx(1)
    # Two benchmarks: the means of seeds are averaged, the questions' variances divided by 4.
    both = over_seeds_and_questions([values, values])
    assert both.from_seeds[0] == pytest.approx(0.01) and both.from_questions[0] == pytest.approx(2 * 0.04 / 4)
    assert both.freedom[0] == pytest.approx(2)


def test_questions_that_agree_leave_the_t_test_of_the_seeds():
    from scipy.stats import ttest_1samp

    by_seed = np.array([0.01, 0.03, 0.05, -0.01])
    found = over_seeds_and_questions([np.tile(by_seed[:, None, None], (1, 7, 1))])
    theirs = ttest_1samp(by_seed, 0)
    assert found.p()[0] == pytest.approx(theirs.pvalue, rel=1e-6)
    interval_of_scipy = theirs.confidence_interval(0.95)
    assert [end[0] for end in found.interval()] == pytest.approx(
        [interval_of_scipy.low, interval_of_scipy.high]
    )


def test_one_question_says_nothing_of_others_and_no_difference_is_no_evidence():
    assert np.isnan(over_seeds_and_questions([np.ones((3, 1, 1))]).p()[0])
    assert np.isnan(over_seeds_and_questions([np.full((3, 4, 1), np.nan)]).p()[0])
    assert over_seeds_and_questions([np.zeros((3, 4, 1))]).p()[0] == pytest.approx(1)

"""Every estimator against numbers computed by hand."""

import math

import numpy as np
import pytest
from sent.seeding import generator_of
from sent.semantic_entropy import estimators as e

LN2, LN3 = math.log(2), math.log(3)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([8], 0.0),
        ([4, 4], LN2),
        ([1, 1, 1], LN3),
        ([3, 1], 0.75 * math.log(4 / 3) + 0.25 * math.log(4)),
        ([1], 0.0),
        ([], 0.0),
    ],
)
def test_discrete(counts, expected):
    assert e.discrete(counts) == pytest.approx(expected, abs=1e-15)


def test_agreement_is_plain_zero_and_not_minus_zero():
    assert math.copysign(1, e.discrete([5])) == 1
    assert math.copysign(1, e.chao_shen([5])) == 1


def test_rao_blackwell_weighs_clusters_by_probability():
    # Probabilities 0.5 and 0.1 in cluster 0, 0.2 in cluster 1: shares 0.75 and 0.25.
    found = e.rao_blackwell([0, 1, 0], [math.log(0.5), math.log(0.2), math.log(0.1)])
    assert found == pytest.approx(0.75 * math.log(4 / 3) + 0.25 * math.log(4))


def test_rao_blackwell_of_equal_probabilities_is_discrete():
    assert e.rao_blackwell([0, 0, 1, 2], [-3.0] * 4) == pytest.approx(e.discrete([2, 1, 1]))


def test_rao_blackwell_survives_probabilities_that_underflow():
    assert e.rao_blackwell([0, 1], [-5000.0, -5000.0]) == pytest.approx(LN2)
    assert e.rao_blackwell([0, 1], [-1.0, -5000.0]) == 0.0
    assert e.rao_blackwell([], []) == 0.0


def test_normalised_is_one_where_all_differ():
    assert e.normalised([1, 1, 1, 1]) == pytest.approx(1)
    assert e.normalised([2, 2]) == pytest.approx(LN2 / math.log(4))
    assert e.normalised([1]) == e.normalised([]) == 0.0


def test_miller_madow_adds_half_a_cluster_a_sample():
    assert e.miller_madow([2, 2]) == pytest.approx(LN2 + 1 / 8)
    assert e.miller_madow([4]) == e.miller_madow([]) == 0.0


def test_chao_shen_by_hand():
    # N = 4, counts 2, 1, 1: f1 = 2, coverage 1/2, shares 1/4, 1/8, 1/8.
    expected = sum(-q * math.log(q) / (1 - (1 - q) ** 4) for q in (1 / 4, 1 / 8, 1 / 8))
    assert e.chao_shen([2, 1, 1]) == pytest.approx(expected)
    assert expected == pytest.approx(1.7636, abs=1e-3)


def test_chao_shen_without_singletons_only_adjusts_for_unseen():
    assert e.chao_shen([2, 2]) == pytest.approx(2 * 0.5 * LN2 / (1 - 0.5**4))


def test_chao_shen_where_all_are_singletons_is_finite():
    # f1 = N would make the coverage 0; N - 1 = 1 is taken: coverage 1/2, shares 1/4 twice.
    assert e.chao_shen([1, 1]) == pytest.approx(2 * 0.25 * math.log(4) / (1 - 0.75**2))
    assert e.chao_shen([1]) == e.chao_shen([]) == 0.0


def test_corrections_come_closer_to_the_truth_than_the_plain_estimate():
    truth, draw = math.log(10), generator_of("test chao shen")
    plain, miller, chao = [], [], []
    for _ in range(400):
        counts = [int(n) for n in draw.multinomial(16, [0.1] * 10) if n]
        plain.append(e.discrete(counts))
        miller.append(e.miller_madow(counts))
        chao.append(e.chao_shen(counts))
    bias = [abs(np.mean(found) - truth) for found in (plain, miller, chao)]
    assert bias[0] > 0.2 > max(bias[1:])


def test_predictive_entropy_is_the_mean_negative_sum():
    assert e.predictive_entropy([-2.0, -4.0]) == 3.0
    assert e.predictive_entropy([]) == 0.0


def test_standard_error_equals_that_of_resampled_labels():
    labels = np.repeat([0, 1, 2], [5, 2, 1])
    draw = np.random.default_rng(1)
    resampled = [
        e.discrete([int(n) for n in np.bincount(draw.choice(labels, 8)) if n]) for _ in range(20_000)
    ]
    found = e.standard_error([5, 2, 1], 20_000, np.random.default_rng(2))
    assert found == pytest.approx(np.std(resampled, ddof=1), rel=0.03)


def test_standard_error_is_reproducible_and_zero_for_one_cluster():
    first, second = (e.standard_error([3, 1], 500, generator_of("x")) for _ in range(2))
    assert first == second > 0
    assert (
        e.standard_error([8], 500, generator_of("x")) == e.standard_error([], 500, generator_of("x")) == 0.0
    )

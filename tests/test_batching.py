"""Batches under a token budget."""

import itertools

import numpy as np
import pytest
from sent.batching import by_cost, by_sum, by_token_budget, of_a_stream


def test_batches_keep_to_the_budget_longest_first():
    assert by_token_budget([3, 10, 5, 4], 10) == [[1], [2, 3], [0]]
    assert by_token_budget([3, 10, 5, 4], 12) == [[1], [2, 3], [0]]
    assert by_token_budget([2, 2, 2, 2], 4) == [[0, 1], [2, 3]]
    assert by_token_budget([], 4) == []


def test_a_stream_is_cut_by_number_and_by_size():
    assert list(of_a_stream("abcde", 2, len)) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(of_a_stream(["a", "bbb", "c", "dddd", "e"], 9, len, most=4)) == [
        ["a", "bbb"],
        ["c", "dddd"],
        ["e"],
    ]
    assert list(of_a_stream([], 2, len)) == []


def test_an_item_beyond_the_budget_is_alone():
    assert by_token_budget([7, 9], 5) == [[1], [0]]


def test_a_batch_ends_where_padding_would_grow():
    lengths = [100, 80, 79, 64, 63]
    assert by_token_budget(lengths, 10_000) == [[0, 1, 2, 3, 4]]
    assert by_token_budget(lengths, 10_000, shortest=0.8) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("shortest", [0.0, 0.8])
def test_every_item_stands_in_one_batch(shortest):
    lengths = [(i * 37) % 23 + 1 for i in range(100)]
    batches = by_token_budget(lengths, 64, shortest)
    assert sorted(i for batch in batches for i in batch) == list(range(100))
    for batch in batches:
        longest = max(lengths[i] for i in batch)
        assert len(batch) * longest <= 64
        assert min(lengths[i] for i in batch) >= shortest * longest


def test_padding_is_weighed_against_another_batch():
    assert by_cost([2, 10, 10, 2], 100, overhead=5) == [[1, 2], [0, 3]]  # 20 + 5 + 4 + 5, not 40 + 5
    assert by_cost([2, 10, 10, 2], 100, overhead=20) == [[1, 2, 0, 3]]
    assert by_cost([2, 10, 10, 2], 16, overhead=20) == [[1], [2], [0, 3]]
    assert by_cost([7, 9], 5, overhead=1) == [[1], [0]]
    assert by_cost([], 5, overhead=1) == []


@pytest.mark.parametrize("overhead", [1, 9, 40])
def test_no_other_cut_costs_less(overhead):
    lengths = [(i * 37) % 23 + 1 for i in range(9)]

    def cost(batches):
        return sum(overhead + len(b) * max(lengths[i] for i in b) for b in batches)

    order = sorted(range(9), key=lambda i: -lengths[i])
    cuts = (c for k in range(9) for c in itertools.combinations(range(1, 9), k))
    ways = [[order[a:b] for a, b in itertools.pairwise([0, *c, 9])] for c in cuts]
    fitting = [way for way in ways if all(len(b) * lengths[b[0]] <= 60 for b in way)]
    found = by_cost(lengths, 60, overhead)
    assert found in fitting
    assert cost(found) == min(map(cost, fitting))


def test_sums_stay_within_the_budget_and_fill_what_is_open():
    assert by_sum([2, 7, 3, 5], 10) == [[1, 2], [3, 0]]
    assert by_sum([20, 1], 10) == [[0], [1]]
    assert by_sum([], 10) == []
    lengths = np.random.default_rng(0).integers(1, 40, size=200).tolist()
    found = by_sum(lengths, 100)
    assert sorted(item for part in found for item in part) == list(range(200))
    assert max(sum(lengths[i] for i in part) for part in found) <= 100
    assert len(found) <= 1.1 * sum(lengths) / 100 + 1

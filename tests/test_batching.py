"""Batches under a token budget."""

import pytest
from sent.batching import by_token_budget


def test_batches_keep_to_the_budget_longest_first():
    assert by_token_budget([3, 10, 5, 4], 10) == [[1], [2, 3], [0]]
    assert by_token_budget([3, 10, 5, 4], 12) == [[1], [2, 3], [0]]
    assert by_token_budget([2, 2, 2, 2], 4) == [[0, 1], [2, 3]]
    assert by_token_budget([], 4) == []


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

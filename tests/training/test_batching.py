"""Micro-batches under a token budget."""

from sent.training.batching import micro_batches


def test_batches_keep_to_the_budget_longest_first():
    assert micro_batches([3, 10, 5, 4], 10) == [[1], [2, 3], [0]]
    assert micro_batches([3, 10, 5, 4], 12) == [[1], [2, 3], [0]]
    assert micro_batches([2, 2, 2, 2], 4) == [[0, 1], [2, 3]]


def test_a_sequence_beyond_the_budget_is_alone():
    assert micro_batches([7, 9], 5) == [[1], [0]]


def test_every_sequence_stands_in_one_batch():
    lengths = [(i * 37) % 23 + 1 for i in range(100)]
    batches = micro_batches(lengths, 64)
    assert sorted(i for batch in batches for i in batch) == list(range(100))
    assert all(len(batch) * max(lengths[i] for i in batch) <= 64 for batch in batches)

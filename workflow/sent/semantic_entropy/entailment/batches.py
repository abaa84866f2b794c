"""Batches of like length."""

from collections.abc import Sequence


def by_token_budget(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Cut items into batches, longest first, so that batch size x longest length stays within ``budget``.

    Returns lists of positions; a single item longer than the budget is a batch of its own.
    """
    batches: list[list[int]] = []
    longest = 0
    for item in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if not batches or (len(batches[-1]) + 1) * longest > budget:
            batches.append([])
            longest = lengths[item]
        batches[-1].append(item)
    return batches

"""Batches of like length under a budget of tokens."""

from collections.abc import Sequence


def by_token_budget(lengths: Sequence[int], budget: int, shortest: float = 0.0) -> list[list[int]]:
    """Cut items into batches, longest first, so that batch size x longest length stays within ``budget``.

    Returns lists of positions; a single item longer than the budget is a batch of its own. An item shorter than
    ``shortest`` times the longest of its batch opens the next one, so at most ``1 - shortest`` of a batch is padding.
    """
    batches: list[list[int]] = []
    longest = 0
    for item in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        full = not batches or (len(batches[-1]) + 1) * longest > budget
        if full or lengths[item] < shortest * longest:
            batches.append([])
            longest = lengths[item]
        batches[-1].append(item)
    return batches

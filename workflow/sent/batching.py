"""Batches of like length under a budget of tokens, and of what comes in a stream."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


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


def by_cost(lengths: Sequence[int], budget: int, overhead: int) -> list[list[int]]:
    """Cut items into batches under a budget, longest first, such that all of them together cost least.

    A batch costs its size x longest length, at most ``budget``, and ``overhead`` more: short items leave a batch where that
    saves more padding than another batch costs. Returns lists of positions; a single item may be longer than the
    budget. Exact, by dynamic programming: O(items x items of a batch).
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    count = len(order)
    least, start = np.full(count + 1, np.inf), np.zeros(count + 1, dtype=np.int64)
    least[0] = 0
    for first in range(count):
        longest = max(1, lengths[order[first]])
        most = min(count - first, max(1, budget // longest))
        ends = slice(first + 1, first + most + 1)
        costs = least[first] + overhead + longest * np.arange(1, most + 1)
        start[ends] = np.where(costs < least[ends], first, start[ends])
        least[ends] = np.minimum(costs, least[ends])
    batches, end = [], count
    while end:
        batches.append(order[start[end] : end].tolist())
        end = start[end]
    return batches[::-1]


def of_a_stream(
    items: Iterable[T], count: int, characters: Callable[[T], int], most: int = 16_000_000
) -> Iterator[list[T]]:
    """Yield batches of up to ``count`` items in their order; the one with which they have ``most`` characters ends one."""
    batch, so_far = [], 0
    for item in items:
        batch.append(item)
        so_far += characters(item)
        if len(batch) == count or so_far >= most:
            yield batch
            batch, so_far = [], 0
    if batch:
        yield batch


def by_sum(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Cut items into batches whose lengths add up to at most ``budget``, longest first, each into the first that has room.

    Returns lists of positions; a single item may be longer than the budget.
    """
    batches: list[list[int]] = []
    room: list[int] = []
    for item in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        place = next((b for b, left in enumerate(room) if left >= lengths[item]), len(batches))
        if place == len(batches):
            batches.append([])
            room.append(budget)
        batches[place].append(item)
        room[place] -= lengths[item]
    return batches

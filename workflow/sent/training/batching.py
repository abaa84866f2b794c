"""Micro-batches of like length under a token budget."""


def micro_batches(lengths: list[int], budget: int) -> list[list[int]]:
    """Split sequence numbers into batches whose count x longest length keeps to ``budget``, longest first.

    A sequence longer than the budget is a batch of its own. Sorting by length leaves little padding.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches

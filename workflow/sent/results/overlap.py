"""Benchmark questions whose text also stands among the training questions."""

import re
from collections import Counter, defaultdict

WORD = re.compile(r"[a-z]+|\d+|[-+*/=<>^]")


def words(question: str) -> list[str]:
    """Return the words, numbers and operators of a text, in lower case, without punctuation and markup."""
    return WORD.findall(question.lower())


def find(
    train: dict[str, str], benchmark: dict[str, str], n: int, least_share: float
) -> list[tuple[str, str, float]]:
    """Return (benchmark question, training question, share) where ``share >= least_share``.

    Both arguments map ids to texts. ``share`` is the part of the benchmark question's distinct word n-grams that
    the training question has, too; a text of fewer than ``n`` words is one n-gram. Of several training questions
    the one that shares most is named (the first by id among equals).
    """
    index: dict[tuple[str, ...], list[str]] = defaultdict(list)
    wanted = {key: grams(text, n) for key, text in benchmark.items()}
    sought = set().union(*wanted.values()) if wanted else set()
    for key in sorted(train):
        for gram in grams(train[key], n) & sought:
            index[gram].append(key)
    found = []
    for key, own in wanted.items():
        shared = Counter(other for gram in own for other in index.get(gram, ()))
        if shared:
            best = min(shared, key=lambda other: (-shared[other], other))
            if shared[best] / len(own) >= least_share:
                found.append((key, best, shared[best] / len(own)))
    return found


def grams(question: str, n: int) -> set[tuple[str, ...]]:
    """Return the distinct word n-grams of a text; a text of fewer words is one n-gram."""
    found = words(question)
    return {tuple(found[i : i + n]) for i in range(max(1, len(found) - n + 1))} if found else set()

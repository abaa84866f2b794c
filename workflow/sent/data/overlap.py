"""Which benchmark questions stand in the training questions, in their own words or nearly so: n-grams."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from sent import tables

OVERLAP = pa.schema(
    [
        ("benchmark", pa.string()),
        ("question_id", pa.string()),
        ("train_question_id", pa.string()),
        ("shared", pa.float64()),
    ]
)
"""A row for every benchmark question that stands in the training questions: the nearest of those, and the
share of the benchmark question's n-grams that it holds (`shared`)."""

NGRAM = 8
SHARE = 0.5
"""At 8 tokens and one half, what is found between DAPO-Math-17k and six benchmarks are copies with another
layout or another request for the answer's form; most variants with other numbers stay out."""

_TOKEN = re.compile(r"[a-z]+|\d+|[^\sa-z\d${}\\]")
_NUMBER = re.compile(r"\d+")


def tokens(text: str) -> list[str]:
    """Split a text into words, numbers and signs, without capitals and without LaTeX's own signs."""
    return _TOKEN.findall(text.lower())


def ngrams(text: str, n: int) -> set[tuple[str, ...]]:
    """Return the set of runs of ``n`` tokens; the whole text is the only run of a shorter one."""
    words = tokens(text)
    return {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))}


@dataclass(frozen=True)
class Match:
    """A benchmark question that stands in a training question (places in their lists)."""

    train: int
    benchmark: int
    share: float
    """The share of the benchmark question's n-grams that the training question holds."""


def matches(
    train: Sequence[str], benchmark: Sequence[str], n: int = NGRAM, share: float = SHARE
) -> list[Match]:
    """Return every pair in which the benchmark text stands in the training text, in the order of ``train``.

    A text stands in another that has at least ``share`` of its n-grams and all of its numbers: the same
    question with other numbers is another question. The work grows linearly with the training texts.
    """
    wanted = [ngrams(text, n) for text in benchmark]
    numbers = [set(_NUMBER.findall(text)) for text in benchmark]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, grams in enumerate(wanted):
        for gram in grams:
            holders[gram].append(place)
    found: list = []
    for place, text in enumerate(train):
        shared = Counter(asker for gram in ngrams(text, n) for asker in holders.get(gram, ()))
        present = set(_NUMBER.findall(text))
        found.extend(
            Match(place, asker, count / len(wanted[asker]))
            for asker, count in sorted(shared.items())
            if count >= share * len(wanted[asker]) and numbers[asker] <= present
        )
    return found


def report(
    train: list[dict], benchmarks: dict[str, list[dict]], n: int = NGRAM, share: float = SHARE
) -> pa.Table:
    """Return the table :data:`OVERLAP` for rows of :data:`sent.tables.QUESTIONS`, in the benchmarks' order.

    Of several training questions the one with the largest share is named, of equal ones the first.
    """
    texts = [row["question"] for row in train]
    rows: list[dict] = []
    for name, questions in benchmarks.items():
        nearest: dict[int, Match] = {}
        for match in matches(texts, [row["question"] for row in questions], n, share):
            if match.benchmark not in nearest or match.share > nearest[match.benchmark].share:
                nearest[match.benchmark] = match
        rows.extend(
            {
                "benchmark": name,
                "question_id": questions[place]["question_id"],
                "train_question_id": train[nearest[place].train]["question_id"],
                "shared": nearest[place].share,
            }
            for place in sorted(nearest)
        )
    return tables.table(OVERLAP, rows)

"""Greedy clustering by meaning, in rounds over all questions at once.

The sequential algorithm (Farquhar et al., Nature 2024) takes samples in order: each joins the first cluster
whose representative it is equivalent to, or opens a new one. Here round r takes the first unresolved answer
of every question as its representative r and compares it with all other unresolved answers of that
question: labels and compared pairs are those of the sequential algorithm, but a round is one large batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from sent.grading.answers import normal_form
from sent.semantic_entropy.entailment import Entailment, Label, Pair

Criterion = Literal["strict", "non_strict"]
Unparsable = Literal["singleton", "pooled", "dropped"]


class Answers(NamedTuple):
    """A question and the final answers of its samples; None where a response has no answer."""

    text: str
    answers: Sequence[str | None]


class Clustering(NamedTuple):
    """One cluster number and reason a sample.

    ``labels`` count from 0 in order of first appearance, -1 if dropped; ``decided_by`` is ``first`` where a
    sample opened a cluster, else what put it there: exact, a backend's name, unparsable.
    """

    labels: list[int]
    decided_by: list[str]

    def counts(self) -> list[int]:
        """Sizes of the clusters, by number."""
        return [self.labels.count(label) for label in range(max(self.labels, default=-1) + 1)]


@dataclass
class _Open:
    """Clustering of one question under way, over its distinct answers in order of appearance."""

    text: str
    answers: list[str]
    unresolved: list[int]
    label: dict[int, int] = field(default_factory=dict)
    by: dict[int, str] = field(default_factory=dict)
    representative: int = -1

    def open_cluster(self) -> list[Pair]:
        """Make the first unresolved answer a representative; return its comparisons with the others."""
        self.representative, *self.unresolved = self.unresolved
        self.label[self.representative] = self.representative
        self.by[self.representative] = "first"
        mine = self.answers[self.representative]
        return [Pair(self.text, mine, self.answers[other]) for other in self.unresolved]

    def resolve(self, joined: list[str | None]) -> None:
        """Put each unresolved answer that has a reason to join into the current cluster."""
        for other, by in zip(self.unresolved, joined, strict=True):
            if by is not None:
                self.label[other], self.by[other] = self.representative, by
        self.unresolved = [other for other in self.unresolved if other not in self.label]


def cluster(
    questions: Sequence[Answers],
    entailment: Entailment,
    criterion: Criterion = "strict",
    unparsable: Unparsable = "singleton",
) -> list[Clustering]:
    """Cluster the samples of every question.

    Equal texts (:func:`normal_form`) are one and compared once. ``strict``: both directions entail.
    ``non_strict``: neither contradicts and they are not both neutral. The second direction is evaluated
    only where the first leaves the outcome open.
    """
    places = [_distinct(question.answers) for question in questions]
    states = [
        _Open(question.text, [question.answers[first] or "" for first in firsts], list(range(len(firsts))))
        for question, (firsts, _) in zip(questions, places, strict=True)
    ]
    active = [state for state in states if state.unresolved]
    while active:
        rounds = [state.open_cluster() for state in active]
        pairs = [pair for batch in rounds for pair in batch]
        joined = iter(equivalent(pairs, entailment, criterion))
        for state, batch in zip(active, rounds, strict=True):
            state.resolve([next(joined) for _ in batch])
        active = [state for state in active if state.unresolved]
    return [_per_sample(state, place, unparsable) for state, (_, place) in zip(states, places, strict=True)]


def equivalent(
    pairs: list[Pair], entailment: Entailment, criterion: Criterion = "strict"
) -> list[str | None]:
    """Return for each pair the name of the backend that finds it equivalent, or None where it is not."""
    forward = entailment.judge(pairs)
    open_ = [i for i, judgement in enumerate(forward) if _is_open(judgement.label, criterion)]
    if entailment.symmetric:
        backward = [forward[i] for i in open_]
    else:
        backward = entailment.judge(
            [Pair(p.question, p.hypothesis, p.premise) for p in (pairs[i] for i in open_)]
        )
    joined: list[str | None] = [None] * len(pairs)
    for i, back in zip(open_, backward, strict=True):
        if _agree(forward[i].label, back.label, criterion):
            joined[i] = back.by
    return joined


def _is_open(forward: Label, criterion: Criterion) -> bool:
    """Tell whether a pair can still be equivalent once its first direction is known."""
    return forward == Label.ENTAILMENT if criterion == "strict" else forward != Label.CONTRADICTION


def _agree(forward: Label, backward: Label, criterion: Criterion) -> bool:
    if criterion == "strict":
        return forward == backward == Label.ENTAILMENT
    return Label.CONTRADICTION not in (forward, backward) and Label.ENTAILMENT in (forward, backward)


def _distinct(answers: Sequence[str | None]) -> tuple[list[int], list[int | None]]:
    """Return the samples where a new text appears, and each sample's number of text (None: no answer)."""
    seen: dict[str, int] = {}
    firsts: list[int] = []
    place: list[int | None] = []
    for sample, answer in enumerate(answers):
        if answer is None or not (text := normal_form(answer)):
            place.append(None)
            continue
        if text not in seen:
            seen[text] = len(firsts)
            firsts.append(sample)
        place.append(seen[text])
    return firsts, place


def _per_sample(state: _Open, place: list[int | None], unparsable: Unparsable) -> Clustering:
    """Give every sample its text's cluster, numbered in order of first appearance."""
    numbers: dict[object, int] = {}
    labels, reasons, seen = [], [], set()
    for sample, text in enumerate(place):
        if text is None and unparsable == "dropped":
            labels.append(-1)
            reasons.append("unparsable")
            continue
        key = (
            state.label[text]
            if text is not None
            else ("unparsable", sample if unparsable == "singleton" else 0)
        )
        labels.append(numbers.setdefault(key, len(numbers)))
        reasons.append("unparsable" if text is None else "exact" if text in seen else state.by[text])
        seen.add(text)
    return Clustering(labels, reasons)

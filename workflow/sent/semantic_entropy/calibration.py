"""The entailment model beside mathematics: both judge the same pairs, for a table of confusion."""

import heapq
from collections.abc import Iterator, Sequence
from itertools import permutations

from sent.config import SemanticEntropy
from sent.grading.answers import in_words, normal_form
from sent.seeding import seed_of
from sent.semantic_entropy.clustering import Clustering
from sent.semantic_entropy.entailment import Entailment, Label, Pair
from sent.semantic_entropy.entailment.math_verify import UNDECIDED, MathVerify
from sent.semantic_entropy.entailment.nli import Nli
from sent.semantic_entropy.summary import Record


class Chosen:
    """A random choice of ``size`` directed pairs of different mathematical answers, as questions go by.

    Half are drawn inside clusters, or as many as there are, the rest between clusters: pairs that mean the same
    are rare among all pairs. Every pair has a random number of its own and the smallest are kept, so the choice
    does not depend on the order of questions.
    """

    def __init__(self, size: int, seed: int):
        self.size, self.seed = size, seed
        self.inside: list[tuple[int, str, Pair]] = []
        self.between: list[tuple[int, str, Pair]] = []

    def see(self, records: Sequence[Record], clusterings: Sequence[Clustering]) -> None:
        """Take the pairs of these questions into consideration."""
        for record, clustering in zip(records, clusterings, strict=True):
            for pair, same in _pairs(record, clustering):
                number = seed_of("calibration", self.seed, record.id, pair.premise, pair.hypothesis)
                (self.inside if same else self.between).append((number, record.id, pair))
        self.inside = heapq.nsmallest(self.size, self.inside)
        self.between = heapq.nsmallest(self.size, self.between)

    def pairs(self) -> list[tuple[str, Pair]]:
        """The chosen pairs and the ids of their questions."""
        inside = self.inside[: max(self.size // 2, self.size - len(self.between))]
        return [(id_, pair) for _, id_, pair in [*inside, *self.between[: self.size - len(inside)]]]


def judge(chosen: Chosen, nli: Nli, mathematics: MathVerify) -> list[dict]:
    """Return rows of ``tables.CALIBRATION``: what mathematics and the model say about each chosen pair.

    Pairs that mathematics leaves undecided are left out.
    """
    judged = zip(chosen.pairs(), mathematics.judge([pair for _, pair in chosen.pairs()]), strict=True)
    decided = [(id_, pair, by.label == Label.ENTAILMENT) for (id_, pair), by in judged if by is not UNDECIDED]
    probabilities = nli.probabilities([pair for _, pair, _ in decided]).tolist()
    return [
        {
            "question_id": question_id,
            "premise": pair.premise,
            "hypothesis": pair.hypothesis,
            "math_verify": same,
            "label": Label(row.index(max(row))).name.lower(),
            **{f"p_{label.name.lower()}": row[label] for label in Label},
        }
        for (question_id, pair, same), row in zip(decided, probabilities, strict=True)
    ]


def rows(chosen: Chosen, entailment: Entailment, settings: SemanticEntropy) -> list[dict]:
    """As :func:`judge`, with the model of an open backend; none where it has no entailment model."""
    backend = getattr(entailment, "backend", entailment)
    nli = backend if isinstance(backend, Nli) else getattr(backend, "nli", None)
    if nli is None or not chosen.pairs():
        return []
    with MathVerify(settings) as mathematics:
        return judge(chosen, nli, mathematics)


def _pairs(record: Record, clustering: Clustering) -> Iterator[tuple[Pair, bool]]:
    """Both directions of every two different answers, and whether they are in one cluster."""
    distinct: dict = {}
    for answer, label in zip(record.answers, clustering.labels, strict=True):
        if answer and (text := normal_form(answer)) and not in_words(answer):
            distinct.setdefault(text, (answer, label))
    for (premise, one), (hypothesis, other) in permutations(distinct.values(), 2):
        yield Pair(record.text, premise, hypothesis), one == other

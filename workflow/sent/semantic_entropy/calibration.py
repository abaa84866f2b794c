"""The entailment model beside mathematics: both judge the same pairs, for a table of confusion."""

import heapq
from collections.abc import Iterable, Iterator
from itertools import permutations

from sent import tables
from sent.config import SemanticEntropy
from sent.seeding import seed_of
from sent.semantic_entropy.answers import normalise
from sent.semantic_entropy.entailment import Label, Pair
from sent.semantic_entropy.entailment.math_verify import MathVerify
from sent.semantic_entropy.entailment.nli import Nli
from sent.semantic_entropy.summary import Record


class Chosen:
    """A random choice of ``size`` directed pairs of different mathematical answers, as questions go by.

    Each pair has a random number of its own and the smallest are kept: no choice depends on the order.
    """

    def __init__(self, size: int, seed: int):
        self.size, self.seed = size, seed
        self.kept: list[tuple[int, str, Pair]] = []

    def see(self, records: Iterable[Record]) -> None:
        """Take the pairs of these questions into consideration."""
        new = (
            (seed_of("calibration", self.seed, record.id, pair.premise, pair.hypothesis), record.id, pair)
            for record in records
            for pair in _pairs(record)
        )
        self.kept = heapq.nsmallest(self.size, [*self.kept, *new])


def judge(chosen: Chosen, nli: Nli, mathematics: MathVerify) -> list[dict]:
    """Return rows of ``tables.CALIBRATION``: what mathematics and the model say about each chosen pair."""
    pairs = [pair for *_, pair in chosen.kept]
    equal = [judgement.label == Label.ENTAILMENT for judgement in mathematics.judge(pairs)]
    probabilities = nli.probabilities(pairs).tolist()
    return [
        {
            "question_id": question_id,
            "premise": pair.premise,
            "hypothesis": pair.hypothesis,
            "math_verify": same,
            "label": Label(row.index(max(row))).name.lower(),
            **{f"p_{label.name.lower()}": row[label] for label in Label},
        }
        for (_, question_id, pair), same, row in zip(chosen.kept, equal, probabilities, strict=True)
    ]


def write(path: str, chosen: Chosen, model: str | None, settings: SemanticEntropy) -> None:
    """Judge the chosen pairs and write them; without an entailment model the table is empty."""
    rows = []
    if model is not None and settings.entailment in ("nli", "hybrid") and chosen.kept:
        with Nli(model, settings) as nli, MathVerify(settings) as mathematics:
            rows = judge(chosen, nli, mathematics)
    tables.write(path, tables.table(tables.CALIBRATION, rows), tables.CALIBRATION)


def _pairs(record: Record) -> Iterator[Pair]:
    distinct = {normalise(answer): answer for answer in reversed(record.answers) if answer}
    for premise, hypothesis in permutations(distinct.values(), 2):
        pair = Pair(record.text, premise, hypothesis)
        if MathVerify.decides(pair):
            yield pair

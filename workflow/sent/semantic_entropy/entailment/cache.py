"""A backend that never judges the same pair twice, with a bar of pairs done and left."""

from sent.log import progress
from sent.semantic_entropy.entailment import Advance, Entailment, Judgement, Pair, silent

_CAPACITY = 100_000
"""Judgements remembered; beyond that it starts over, so that memory stays bounded."""


class Cached:
    """Wraps a backend. The bar's total grows by the round: how many rounds there will be is not known."""

    def __init__(self, backend: Entailment):
        self.backend, self.symmetric = backend, backend.symmetric
        self.known: dict[Pair, Judgement] = {}

    def __enter__(self) -> "Cached":
        self.backend.__enter__()
        self.bar = progress(total=0, desc="entailment", unit="pair")
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()
        self.backend.__exit__(*error)

    @property
    def judged(self) -> int:
        """Directed pairs that the backend judged."""
        return self.backend.judged

    def key(self, pair: Pair) -> Pair:
        """The backend's key."""
        return self.backend.key(pair)

    def judge(self, pairs: list[Pair], advance: Advance = silent) -> list[Judgement]:
        """Judge pairs: from memory, or by the backend, each distinct key once."""
        if len(self.known) > _CAPACITY:
            self.known.clear()
        keys = [self.backend.key(pair) for pair in pairs]
        new = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in self.known}
        if new:
            self.bar.total = (self.bar.total or 0) + len(new)
            judgements = self.backend.judge(list(new.values()), self.bar.update)
            self.known.update(zip(new, judgements, strict=True))
        return [self.known[key] for key in keys]

    def facts(self) -> dict[str, str]:
        """The backend's facts and the number of pairs judged."""
        return {**self.backend.facts(), "judged_pairs": str(self.judged)}

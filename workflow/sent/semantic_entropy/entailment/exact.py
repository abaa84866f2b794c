"""Equality of texts: different texts are different meanings."""

from pathlib import Path

from sent.config import SemanticEntropy
from sent.semantic_entropy.entailment import Advance, Judgement, Label, Pair, silent


class Exact:
    """Finds nothing equivalent: equal texts never reach a backend, clustering joins them before."""

    symmetric, judged = True, 0

    def __init__(self, settings: SemanticEntropy | None = None, model: str | Path | None = None):
        """Need neither settings nor a model."""

    def __enter__(self) -> "Exact":
        return self

    def __exit__(self, *error: object) -> None:
        """Hold nothing, release nothing."""

    def key(self, pair: Pair) -> Pair:
        """The question plays no part."""
        return pair._replace(question="")

    def judge(self, pairs: list[Pair], advance: Advance = silent) -> list[Judgement]:
        """Call every pair neutral."""
        return [Judgement(Label.NEUTRAL, "exact")] * len(pairs)

    def facts(self) -> dict[str, str]:
        """Nothing beyond its name."""
        return {}

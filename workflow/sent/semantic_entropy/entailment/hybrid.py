"""Mathematics first, a language model for the rest: mostly answers in words."""

from pathlib import Path

from sent.config import SemanticEntropy
from sent.log import logger
from sent.semantic_entropy.entailment import Advance, Judgement, Pair, silent
from sent.semantic_entropy.entailment.math_verify import UNDECIDED, MathVerify
from sent.semantic_entropy.entailment.nli import Nli


class Hybrid:
    """Judges by ``math_verify``, and by ``nli`` what mathematics leaves undecided.

    Without an entailment model such pairs count as neutral; they are counted.
    """

    symmetric = False

    def __init__(self, settings: SemanticEntropy, model: str | Path | None):
        self.math_verify = MathVerify(settings)
        self.nli = None if model is None else Nli(settings, model)
        self.undecided = 0

    def __enter__(self) -> "Hybrid":
        self.math_verify.__enter__()
        if self.nli:
            self.nli.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.math_verify.__exit__(*error)
        if self.nli:
            self.nli.__exit__(*error)
        if self.undecided:
            logger.warning(
                "%d pairs that mathematics cannot decide, such as answers in words, counted as different; an "
                "entailment model (`nli_model`, --nli) would judge them",
                self.undecided,
            )

    @property
    def judged(self) -> int:
        """Pairs judged by either."""
        return self.math_verify.judged + (self.nli.judged if self.nli else 0)

    def key(self, pair: Pair) -> Pair:
        """The entailment model reads the question, too."""
        return pair

    def judge(self, pairs: list[Pair], advance: Advance = silent) -> list[Judgement]:
        """Judge pairs, each by the first backend that can."""
        found = self.math_verify.judge(pairs, advance)
        left = [i for i, judgement in enumerate(found) if judgement is UNDECIDED]
        if self.nli is None:
            self.undecided += len(left)
            return found
        for i, judgement in zip(left, self.nli.judge([pairs[i] for i in left]), strict=True):
            found[i] = judgement
        return found

    def facts(self) -> dict[str, str]:
        """The entailment model's facts and the number of undecided pairs."""
        return {**(self.nli.facts() if self.nli else {}), "undecided_pairs": str(self.undecided)}

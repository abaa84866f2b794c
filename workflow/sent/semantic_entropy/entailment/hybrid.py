"""Mathematics first, a language model for the rest: answers in words are what math-verify cannot decide."""

from sent.log import logger
from sent.semantic_entropy.entailment import Advance, Judgement, Label, Pair, silent
from sent.semantic_entropy.entailment.math_verify import MathVerify
from sent.semantic_entropy.entailment.nli import Nli


class Hybrid:
    """Judges by ``math_verify`` where both answers are mathematics, by ``nli`` elsewhere.

    Without an entailment model, what mathematics cannot decide counts as neutral; such pairs are counted.
    """

    symmetric = False

    def __init__(self, math_verify: MathVerify, nli: Nli | None):
        self.math_verify, self.nli, self.undecided = math_verify, nli, 0

    def __enter__(self) -> "Hybrid":
        self.math_verify.__enter__()
        if self.nli:
            self.nli.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self.math_verify.__exit__(*error)
        if self.nli:
            self.nli.__exit__(*error)
        if self.undecided:
            logger.warning(
                "%d pairs of answers in words counted as different; an entailment model (`nli_model`, --nli) "
                "would judge them",
                self.undecided,
            )

    @property
    def judged(self) -> int:
        """Pairs judged by either."""
        return self.math_verify.judged + (self.nli.judged if self.nli else 0)

    def key(self, pair: Pair) -> Pair:
        """As the backend that decides the pair."""
        return self.math_verify.key(pair) if self.math_verify.decides(pair) else pair

    def judge(self, pairs: list[Pair], advance: Advance = silent) -> list[Judgement]:
        """Judge pairs, each by the backend that can."""
        decided = [self.math_verify.decides(pair) for pair in pairs]
        mathematics = [pair for pair, yes in zip(pairs, decided, strict=True) if yes]
        words = [pair for pair, yes in zip(pairs, decided, strict=True) if not yes]
        by_mathematics = iter(self.math_verify.judge(mathematics, advance))
        if self.nli:
            by_words = iter(self.nli.judge(words, advance))
        else:
            self.undecided += len(words)
            advance(len(words))
            by_words = iter([Judgement(Label.NEUTRAL, "undecided")] * len(words))
        return [next(by_mathematics if yes else by_words) for yes in decided]

    def facts(self) -> dict[str, str]:
        """The entailment model's facts and the number of undecided pairs."""
        return {**(self.nli.facts() if self.nli else {}), "undecided_pairs": str(self.undecided)}

"""Entailment by mathematics: two answers mean the same if math-verify calls them equal."""

from sent.config import Grading, SemanticEntropy
from sent.semantic_entropy.answers import is_words, normalise
from sent.semantic_entropy.entailment import Advance, Judgement, Label, Pair, silent

_SLICE = 512
"""Pairs handed to the worker processes at once: the progress bar moves by so many."""


class MathVerify:
    """Judges in killable worker processes. What is not equal is neutral: math-verify knows no contradiction.

    Its `verify` is neither symmetric nor transitive, so both directions count. Answers in words are equal
    only as texts (see :func:`is_words`).
    """

    symmetric = False

    def __init__(self, settings: SemanticEntropy):
        from sent.grading.grader import Grader

        self.judged = 0
        self.grader = Grader(Grading(workers=settings.processes))

    def __enter__(self) -> "MathVerify":
        self.grader.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self.grader.__exit__(*error)

    @staticmethod
    def decides(pair: Pair) -> bool:
        """Tell whether both answers are mathematics, so that "not equal" means that they differ."""
        return not is_words(pair.premise) and not is_words(pair.hypothesis)

    def key(self, pair: Pair) -> Pair:
        """The question plays no part."""
        return pair._replace(question="")

    def judge(self, pairs: list[Pair], advance: Advance = silent) -> list[Judgement]:
        """Judge pairs by mathematics alone."""
        equal = [normalise(pair.premise) == normalise(pair.hypothesis) for pair in pairs]
        asked = [i for i, pair in enumerate(pairs) if not equal[i] and self.decides(pair)]
        advance(len(pairs) - len(asked))
        for start in range(0, len(asked), _SLICE):
            part = asked[start : start + _SLICE]
            found = self.grader.equivalent([(pairs[i].premise, pairs[i].hypothesis) for i in part])
            for i, same in zip(part, found, strict=True):
                equal[i] = same
            advance(len(part))
        self.judged += len(asked)
        return [Judgement(Label.ENTAILMENT if same else Label.NEUTRAL, "math_verify") for same in equal]

    def facts(self) -> dict[str, str]:
        """Nothing beyond its name."""
        return {}

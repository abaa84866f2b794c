"""Entailment by mathematics: two answers mean the same if the grader would accept one for the other."""

from pathlib import Path

from sent.config import Grading, SemanticEntropy
from sent.grading.answers import in_words, normal_form
from sent.semantic_entropy.entailment import Advance, Judgement, Label, Pair, silent

UNDECIDED = Judgement(Label.NEUTRAL, "undecided")
"""Not known to be equal, and not known to differ: words, or a comparison that was cut off."""

_EQUAL, _DIFFERENT = Judgement(Label.ENTAILMENT, "math_verify"), Judgement(Label.NEUTRAL, "math_verify")
_BY_VERDICT = {"correct": _EQUAL, "wrong": _DIFFERENT}

_SLICE = 512
"""Pairs handed to the worker processes at once: the progress bar moves by so many."""


class MathVerify:
    """Judges in killable worker processes. What is not equal is neutral: mathematics here knows no contradiction.

    Neither symmetric nor transitive (a rounded answer may follow from an exact one, and not the reverse), so
    both directions count. Answers in words that are not equal are undecided.
    """

    symmetric = False

    def __init__(self, settings: SemanticEntropy, model: str | Path | None = None):
        from sent.grading.grader import Grader

        self.judged = 0
        self._late: set[str] = set()
        self.grader = Grader(Grading(workers=settings.processes))

    def __enter__(self) -> "MathVerify":
        self.grader.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.grader.__exit__(*error)

    def key(self, pair: Pair) -> Pair:
        """The question plays no part."""
        return pair._replace(question="")

    def judge(self, pairs: list[Pair], advance: Advance = silent) -> list[Judgement]:
        """Judge pairs by mathematics alone."""
        found = [_EQUAL if normal_form(p.premise) == normal_form(p.hypothesis) else UNDECIDED for p in pairs]
        asked = [i for i in range(len(pairs)) if found[i] is UNDECIDED]
        advance(len(pairs) - len(asked))
        for start in range(0, len(asked), _SLICE):
            part = asked[start : start + _SLICE]
            for i, grade in zip(part, self._graded([pairs[i] for i in part]), strict=True):
                found[i] = _BY_VERDICT.get(grade.verdict, UNDECIDED)
                if found[i] is _DIFFERENT and (in_words(pairs[i].premise) or in_words(pairs[i].hypothesis)):
                    found[i] = UNDECIDED
            advance(len(part))
        self.judged += len(asked)
        return found

    def _graded(self, pairs: list[Pair]) -> list:
        """Grades of hypotheses; of a question that ran out of time once, only what needs no math-verify."""
        late = [bool(pair.question) and pair.question in self._late for pair in pairs]
        grades: list = [None] * len(pairs)
        for in_haste in (False, True):
            places = [i for i, is_late in enumerate(late) if is_late is in_haste]
            asked = [(pairs[i].premise, pairs[i].hypothesis) for i in places]
            for i, grade in zip(places, self.grader.grade_answers(asked, in_haste), strict=True):
                grades[i] = grade
        self._late.update(
            pair.question for pair, grade in zip(pairs, grades, strict=True) if grade.verdict == "timeout"
        )
        return grades

    def facts(self) -> dict[str, str]:
        """Nothing beyond its name."""
        return {}

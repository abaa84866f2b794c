"""Grade responses: extraction, comparison, cache, and workers for what only symbolic algebra can decide."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

from sent.config import Grading
from sent.errors import SentError
from sent.grading.algebra.pool import MathVerifyMissingError, Workers
from sent.grading.answers import Policy, Rounding, Step, listening, same_answer
from sent.grading.extract import Thinking, extract_answer, unbox
from sent.grading.string_match import string_match
from sent.log import logger

CACHE_SIZE = 100_000  # grades remembered; beyond that it starts over, so that memory stays bounded
SYMBOLIC = "math-verify"


@dataclass(frozen=True)
class Gold:
    """A gold answer with an absolute error that its question allows, beside what the settings allow for all."""

    text: str
    tolerance: float | None = None


AnyGold = Gold | str | Sequence[str]
"""Several golds are all to be given, in any order."""


@dataclass(frozen=True)
class Grade:
    """``extracted``: the answer as written, or None; ``verdict`` and ``reason``: see ``tables.VERDICTS``."""

    extracted: str | None
    verdict: str
    paper_match: bool
    reason: str = field(default="", compare=False)


NO_ANSWER = Grade(None, "no_answer", False, "no answer found")
TRUNCATED = Grade(None, "truncated", False, "no answer found")


class Grader:
    """Compares answers with gold answers; use it as a context manager, or call :meth:`close`.

    Cheap to make: worker processes start when the first pair needs one. Not for use by several threads at once.
    """

    def __init__(self, settings: Grading):
        self.settings = settings
        self.policy = policy_of(settings)
        self._thinking = Thinking(settings.thinking_tags)
        self._cache: dict[tuple[Gold, str], Grade] = {}
        self._workers: Workers | None = None
        self._math_verify_missing = False

    def __enter__(self) -> "Grader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the worker processes."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None

    def grade(self, items: Sequence[tuple[AnyGold, str, str]]) -> list[Grade]:
        """Grade whole responses, given as ``(gold, response, finish_reason)``, in their order."""
        settings = self.settings
        answers = [
            extract_answer(text, settings.fallback_phrases, settings.read_unclosed_thinking, self._thinking)
            for _, text, _ in items
        ]
        grades = self._grades(
            [(as_gold(gold), answer or "") for (gold, _, _), answer in zip(items, answers, strict=True)]
        )
        return [
            TRUNCATED if grade is NO_ANSWER and reason == "length" else grade
            for grade, (_, _, reason) in zip(grades, items, strict=True)
        ]

    def grade_answers(
        self, pairs: Sequence[tuple[AnyGold, str | None]], in_haste: bool = False
    ) -> list[Grade]:
        """Grade bare answers, given as ``(gold, answer)``; None or nothing but spaces is no answer.

        ``in_haste``: what only math-verify could decide is a ``timeout`` at once.
        """
        read = [(as_gold(gold), unbox(answer or "", self._thinking)) for gold, answer in pairs]
        return self._grades(read, in_haste)

    def steps(self, gold: AnyGold, grade: Grade) -> list[Step]:
        """Return all decisions on the way to a grade, in their order; none where nothing had to be compared."""
        gold, longest = as_gold(gold), self.settings.max_answer_chars
        answer = grade.extracted
        if answer is None or answer == gold.text or max(len(gold.text), len(answer)) > longest:
            return []
        with listening() as steps:
            same_answer(gold.text, answer, self.policy.with_tolerance(gold.tolerance))
        return steps

    def _grades(self, pairs: Sequence[tuple[Gold, str]], in_haste: bool = False) -> list[Grade]:
        grades = iter(self._graded([pair for pair in pairs if pair[1].strip()], in_haste))
        return [next(grades) if answer.strip() else NO_ANSWER for _, answer in pairs]

    def _graded(self, pairs: Sequence[tuple[Gold, str]], in_haste: bool) -> list[Grade]:
        known, open_pairs = self._cache, []
        if len(known) > CACHE_SIZE:
            known.clear()
        for pair in dict.fromkeys(pairs):
            if pair not in known:
                verdict, reason = self._decided_here(*pair)
                if verdict is None:
                    open_pairs.append(pair)
                else:
                    known[pair] = self._grade_of(pair, verdict, reason)
        if in_haste:
            open_ = {pair: self._grade_of(pair, "timeout", SYMBOLIC) for pair in open_pairs}
            return [open_[pair] if pair in open_ else known[pair] for pair in pairs]
        if open_pairs:
            for pair, verdict in zip(open_pairs, self._ask_workers(open_pairs), strict=True):
                known[pair] = self._grade_of(pair, verdict, SYMBOLIC)
        return [known[pair] for pair in pairs]

    def _grade_of(self, pair: tuple[Gold, str], verdict: str, reason: str) -> Grade:
        gold, answer = pair
        match = len(answer) <= self.settings.max_answer_chars and string_match(gold.text, answer)
        return Grade(answer, verdict, match, reason)

    def _decided_here(self, gold: Gold, answer: str) -> tuple[str | None, str]:
        """The verdict, None where only math-verify can tell, and the rule that decided."""
        if gold.text == answer:
            return "correct", "same text"
        if max(len(gold.text), len(answer)) > self.settings.max_answer_chars:
            return "wrong", "longer than max_answer_chars"
        with listening() as steps:
            same = same_answer(gold.text, answer, self.policy.with_tolerance(gold.tolerance))
        if same is None:
            return None, SYMBOLIC
        reason = next((step.rule for step in reversed(steps) if step.same is same), "different kinds")
        return ("correct" if same else "wrong"), reason

    def _ask_workers(self, pairs: list[tuple[Gold, str]]) -> list[str]:
        if self._math_verify_missing:
            return ["error"] * len(pairs)
        if self._workers is None:
            settings = self.settings
            self._workers = Workers(
                settings.workers, settings.timeout_seconds, settings.memory_mb, self.policy
            )
        try:
            replies = self._workers.compare([(gold.text, answer, gold.tolerance) for gold, answer in pairs])
        except MathVerifyMissingError as error:
            logger.warning("%s; until then answers that need it get the verdict `error`", error)
            self._math_verify_missing = True
            return ["error"] * len(pairs)
        return [reply if isinstance(reply, str) else "correct" if reply else "wrong" for reply in replies]


def policy_of(settings: Grading) -> Policy:
    """The comparison policy of ``config.Grading`` settings."""
    rounding = Rounding(
        settings.significant_digits,
        settings.exact_gold_digits,
        settings.relative_tolerance,
        settings.absolute_tolerance,
    )
    return Policy(settings.percent, settings.units, settings.order, rounding)


def as_gold(gold: AnyGold) -> Gold:
    """One gold answer from any form of it. Raises :class:`SentError` for an empty one."""
    if isinstance(gold, str):
        return _gold_of_text(gold)
    if not isinstance(gold, Gold):
        return _gold_of_text(", ".join(gold))
    return _checked(gold)


@functools.lru_cache(maxsize=50_000)
def _gold_of_text(text: str) -> Gold:
    return _checked(Gold(text))


def _checked(gold: Gold) -> Gold:
    if not gold.text.strip():
        raise SentError("a gold answer is empty; expected a text that answers can be compared with")
    return gold

"""Responses that any model wrote, from the user's JSONL file, as if they had been sampled here."""

import math
from collections.abc import Iterator
from typing import Any

from sent.config import Recorded
from sent.data.rows import of_file, value
from sent.data.text import answer_text, question_key
from sent.errors import SentError
from sent.log import logger


def recorded_samples(recorded: Recorded, questions: list[dict]) -> Iterator[list[dict]]:
    """Yield rows of :data:`sent.tables.SAMPLES` for ``questions``, a row of the file at a time.

    ``questions`` are rows of :data:`sent.tables.QUESTIONS`. Rows of the file whose question is not among
    them (it was dropped as conflicting) are passed over and counted; several rows of one question follow on
    in its samples. Raises :class:`SentError` with the row's number for a line that is no JSON, a row without
    question, answer or responses, and lists of another length than the responses; and at the end for a
    question that no row answers.
    """
    reader = _Reader(recorded)
    ids = {question_key(row["question"]): row["question_id"] for row in questions}
    counts = dict.fromkeys(ids.values(), 0)
    strange = 0
    for number, row in of_file(recorded.path):
        question, samples = reader.read(number, row)
        question_id = ids.get(question_key(question))
        if question_id is None:
            strange += 1
            continue
        first = counts[question_id]
        for sample, entry in enumerate(samples, start=first):
            entry.update(question_id=question_id, sample=sample)
        counts[question_id] += len(samples)
        yield samples
    absent = [question_id for question_id, count in counts.items() if not count]
    if absent:
        raise SentError(
            f"{recorded.path}: no responses for {len(absent)} questions, such as '{absent[0]}'; it is not "
            "the file that the questions were read from"
        )
    if strange:
        logger.info("%s rows left out: their questions were dropped", strange)


class _Reader:
    """Reads rows; every error names file, row and key."""

    def __init__(self, recorded: Recorded):
        self.path, self.fields = recorded.path, recorded.fields

    def read(self, number: int, row: dict) -> tuple[str, list[dict]]:
        """Return the row's question and its samples, without question_id and sample number."""
        question = self._text(number, row, "question")
        self._text(number, row, "answer")
        responses = self._responses(number, row)
        tokens = self._beside(number, row, "tokens", len(responses))
        logprobs = self._beside(number, row, "logprobs", len(responses))
        correct = self._beside(number, row, "correct", len(responses))
        samples = []
        for response, n_tokens, logprob, verdict in zip(responses, tokens, logprobs, correct, strict=True):
            total, counted = self._logprob(number, logprob)
            samples.append(
                {
                    "text": response,
                    "n_tokens": counted if n_tokens is None else self._count(number, n_tokens),
                    "logprob_sum": total,
                    "finish_reason": "unknown",
                    "recorded_correct": self._verdict(number, verdict),
                }
            )
        return question, samples

    def _find(self, row: dict, name: str) -> Any:
        try:
            return value(row, self.fields.get(name, name))
        except KeyError:
            return None

    def _text(self, number: int, row: dict, name: str) -> str:
        try:
            text = answer_text(self._find(row, name))
        except TypeError as error:
            raise self._error(number, name, f"{error}; expected a text") from None
        if not text:
            raise self._error(number, name, f"row has no {name}; its keys are {', '.join(row)}")
        return text

    def _responses(self, number: int, row: dict) -> list[str]:
        found = self._find(row, "responses")
        if found is None:
            raise self._error(number, "responses", f"row has no responses; its keys are {', '.join(row)}")
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            raise self._error(number, "responses", "expected a list of texts")
        if not found:
            raise self._error(number, "responses", "the list is empty; expected one response or more")
        return found

    def _beside(self, number: int, row: dict, name: str, length: int) -> list:
        """Return the optional list ``name``, one entry a response; Nones where it is absent."""
        found = self._find(row, name)
        if found is None:
            if name in self.fields:
                raise self._error(number, name, f"row has no such key; its keys are {', '.join(row)}")
            return [None] * length
        if not isinstance(found, list) or len(found) != length:
            size = f"{len(found)} entries" if isinstance(found, list) else f"a {type(found).__name__}"
            raise self._error(
                number, name, f"found {size}, expected a list of one entry for each of {length} responses"
            )
        return found

    def _logprob(self, number: int, found: Any) -> tuple[float | None, int | None]:
        """Return the sum of a response's token log-probabilities, and their number if they are listed."""
        if found is None:
            return None, None
        parts = found if isinstance(found, list) else [found]
        if not all(_is_number(part) and part <= 1e-4 for part in parts):
            raise self._error(number, "logprobs", "expected finite numbers not above 0, in nats")
        return math.fsum(parts), len(parts) if isinstance(found, list) else None

    def _count(self, number: int, found: Any) -> int:
        count = len(found) if isinstance(found, list) else found
        if not _is_number(count) or count < 0 or count != int(count):
            raise self._error(
                number, "tokens", "expected a number of tokens, or a list of tokens, for each response"
            )
        return int(count)

    def _verdict(self, number: int, found: Any) -> bool | None:
        if found is not None and found not in (0, 1):
            raise self._error(number, "correct", "expected true or false for each response")
        return None if found is None else bool(found)

    def _error(self, number: int, name: str, problem: str) -> SentError:
        key = self.fields.get(name, name)
        hint = "" if name in self.fields else f"; another key is named by `recorded.fields.{name}`"
        return SentError(f"{self.path}: row {number}: '{key}': {problem}{hint}")


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)

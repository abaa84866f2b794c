"""Anybody's samples: records from lines of JSON, every bad line named."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

from sent.errors import SentError
from sent.semantic_entropy.summary import Record

AnswerOf = Callable[[str], str | None]
"""Takes the final answer out of a response; None where it states none."""

_EXPECTED = "expected one JSON object a line, with `question` and `responses`"


def read(path: str, answer_of: AnswerOf) -> Iterator[tuple[object, Record]]:
    """Yield the id (as given, else the line's number) and record of each line that is not blank.

    ``path`` is a file, a pipe, or ``-`` for standard input. Raises :class:`SentError` that names the line.
    """
    name, file = ("standard input", Path("/dev/stdin")) if path == "-" else (path, Path(path))
    try:
        lines = file.open("rb")
    except FileNotFoundError:
        raise SentError(f"{name}: no such file; {_EXPECTED}") from None
    except OSError as error:
        raise SentError(f"{name}: cannot be read ({error.strerror}); {_EXPECTED}") from None
    with lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _record(
                    f"{name}, line {number}", number, _parsed(f"{name}, line {number}", line), answer_of
                )


def _parsed(where: str, line: bytes) -> dict:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise SentError(
            f"{where}: not valid JSON ({error.msg} at column {error.colno}); {_EXPECTED}"
        ) from None
    except UnicodeDecodeError:
        raise SentError(f"{where}: not UTF-8 text; {_EXPECTED}") from None
    except (RecursionError, ValueError) as error:  # nested too deep, or a number of thousands of digits
        raise SentError(f"{where}: cannot be read as JSON ({error}); {_EXPECTED}") from None
    if not isinstance(row, dict):
        raise SentError(f"{where}: {_EXPECTED}, found {type(row).__name__}")
    return row


def _record(where: str, number: int, row: dict, answer_of: AnswerOf) -> tuple[object, Record]:
    question, responses = row.get("question"), row.get("responses")
    if not isinstance(question, str):
        raise SentError(
            f"{where}: expected `question` to be text, found {_short(question)}; keys: {', '.join(row)}"
        )
    if not isinstance(responses, list) or not all(
        text is None or isinstance(text, str) for text in responses
    ):
        raise SentError(f"{where}: expected `responses` to be a list of texts, found {_short(responses)}")
    given_id = number if row.get("id") is None else row["id"]
    if not isinstance(given_id, str | int | float) or (
        isinstance(given_id, float) and not math.isfinite(given_id)
    ):
        raise SentError(f"{where}: expected `id` to be text or a number, found {_short(given_id)}")
    sums, counts = _logprobs(where, row.get("logprobs"), len(responses))
    answers = [answer_of(text or "") for text in responses]
    return given_id, Record(str(given_id), question, answers, list(range(len(answers))), counts, sums)


def _logprobs(where: str, given, responses: int) -> tuple[list[float | None], list[int | None]]:
    """Return sums and token counts; a bare number is a sum of unknown length."""
    if given is None:
        return [None] * responses, [None] * responses
    if not isinstance(given, list) or len(given) != responses:
        raise SentError(
            f"{where}: expected `logprobs` to be a list of {responses} entries, found {_short(given)}"
        )
    sums, counts = [], []
    for entry in given:
        values = entry if isinstance(entry, list) else [entry]
        if not all(_is_logprob(value) for value in values if value is not None):
            raise SentError(f"{where}: expected finite log-probabilities of at most 0, found {_short(entry)}")
        unknown = None in values
        sums.append(None if unknown else float(sum(values)))
        counts.append(None if unknown or not isinstance(entry, list) else len(values))
    return sums, counts


def _is_logprob(value) -> bool:
    """Rounding may leave a little more than 0."""
    return isinstance(value, int | float) and math.isfinite(value) and value <= 1e-6


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:120]}..."

"""Semantic entropy of anybody's samples: JSONL in, a line of JSON a question on standard output."""

import json
import math
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from sent.config import SemanticEntropy
from sent.errors import SentError
from sent.log import logger
from sent.semantic_entropy.clustering import Question, cluster
from sent.semantic_entropy.entailment import build
from sent.semantic_entropy.summary import Record, summarise

_CHUNK = 1000
"""Questions in memory at once."""

_PHRASES = ("answer is", "answer:")
"""Where a response has no box, its answer is what follows the last of these."""

_GRADED_ONLY = ("question_id", "n_unparsable", "accuracy")


def run(
    path: str, settings: SemanticEntropy, model: str | None, bare: bool = False, estimators: bool = False
) -> None:
    """Print ``id``, ``semantic_entropy`` (discrete, nats), ``n_clusters`` and ``clusters`` for each line.

    ``bare``: the responses are answers; else the final answer is taken from each. ``estimators`` adds the
    other columns of the semantic entropy table. Raises :class:`SentError` that names the line of a bad row.
    """
    answer_of = (lambda response: response.strip()) if bare else _extractor()
    lines = read(path, answer_of)
    responses = silent = 0
    with build(settings, model) as entailment:
        while chunk := list(islice(lines, _CHUNK)):
            questions = [Question(record.text, record.answers) for _, record in chunk]
            found = cluster(questions, entailment, settings.criterion, settings.unparsable)
            for (given_id, record), clustering in zip(chunk, found, strict=True):
                row = summarise(record, clustering, settings)
                responses, silent = responses + row["n_samples"], silent + row["n_unparsable"]
                line = {name: row[name] for name in ("semantic_entropy", "n_clusters")}
                if estimators:
                    line |= {name: value for name, value in row.items() if name not in _GRADED_ONLY}
                print(json.dumps({"id": given_id, **line, "clusters": clustering.labels}, ensure_ascii=False))
    if silent:
        logger.warning("%d of %d responses state no answer; are they --bare-answers?", silent, responses)


def read(path: str, answer_of: Callable[[str], str | None]) -> Iterator[tuple[object, Record]]:
    """Yield the id (as given, else the line's number) and record of each line that is not blank."""
    file = Path("/dev/stdin" if path == "-" else path)
    if path != "-" and not file.is_file():
        raise SentError(f"{path}: no such file; expected JSONL with `question` and `responses` on each line")
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _record(f"{path}, line {number}", number, line, answer_of)


def _record(
    where: str, number: int, line: bytes, answer_of: Callable[[str], str | None]
) -> tuple[object, Record]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise SentError(f"{where}: not valid JSON ({error.msg} at column {error.colno})") from None
    except UnicodeDecodeError:
        raise SentError(f"{where}: not UTF-8 text; expected JSONL with `question` and `responses`") from None
    if not isinstance(row, dict):
        raise SentError(
            f"{where}: expected an object with `question` and `responses`, found {type(row).__name__}"
        )
    question, responses = row.get("question"), row.get("responses")
    if not isinstance(question, str):
        raise SentError(
            f"{where}: expected `question` to be text, found {_short(question)}; keys: {', '.join(row)}"
        )
    if not isinstance(responses, list) or not all(
        text is None or isinstance(text, str) for text in responses
    ):
        raise SentError(f"{where}: expected `responses` to be a list of texts, found {_short(responses)}")
    sums, counts = _logprobs(where, row.get("logprobs"), len(responses))
    answers = [answer_of(text) if text else None for text in responses]
    given_id = number if row.get("id") is None else row["id"]
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
        if not all(
            isinstance(v, int | float) and math.isfinite(v) and v <= 1e-6 for v in values if v is not None
        ):
            raise SentError(f"{where}: expected finite log-probabilities of at most 0, found {_short(entry)}")
        unknown = None in values
        sums.append(None if unknown else float(sum(values)))
        counts.append(None if unknown or not isinstance(entry, list) else len(values))
    return sums, counts


def _extractor() -> Callable[[str], str | None]:
    from sent.grading.extract import extract_answer

    return lambda response: extract_answer(response, _PHRASES)


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:120]}..."

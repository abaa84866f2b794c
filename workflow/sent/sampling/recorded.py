"""Responses that any model wrote, from the user's file, as if they had been sampled here."""

from collections.abc import Iterator

from sent.config import Recorded
from sent.data.input_row import InputRow, Reader, keys
from sent.data.load import golds, joined
from sent.data.rows import Row
from sent.data.text import question_key
from sent.errors import SentError
from sent.log import logger, progress


def recorded_samples(
    recorded: Recorded, questions: list[dict], path: str | None = None
) -> Iterator[list[dict]]:
    """Yield rows of :data:`sent.tables.SAMPLES` for ``questions``, a row of the file at a time.

    ``questions`` are rows of :data:`sent.tables.QUESTIONS`; ``path`` is the file of one model among several. Rows of
    the file whose question is not among them (it was dropped as conflicting) are passed over and counted; several
    rows of one question follow on in its samples. Raises :class:`SentError` with the row's number for a row that
    cannot be read or lacks question, answer or responses (unless ``on_missing`` is ``drop``), and lists of another
    length than the responses; and at the end for a question that no row answers.
    """
    if not path:
        assert isinstance(recorded.path, str), "of several files one is named"
        path = recorded.path
    reader = Reader(recorded)
    known = golds(recorded.questions)
    ids = {question_key(row["question"]): row["question_id"] for row in questions}
    counts = dict.fromkeys(ids.values(), 0)
    seen: set[int] = set()
    for row, found in progress(reader.read(path), desc="reading", unit="row"):
        found = joined(found, known)
        if problem := _problem(row, found):
            if recorded.on_missing == "error":
                name, text = problem
                raise reader.error(row, name, f"{text}; or leave such rows out by `on_missing: drop`")
            reader.counts[f"rows left out: no {problem[0]}"] += 1
            continue
        question_id = ids.get(question_key(found.question))
        if question_id is None:
            reader.counts["rows left out: their questions were dropped"] += 1
            continue
        responses = found.responses or []  # one or more: others are a problem
        if _repeats(question_id, responses, seen):
            reader.counts[
                "rows that repeat the responses of another row of their question: are they counted twice?"
            ] += 1
        first = counts[question_id]
        counts[question_id] += len(responses)
        yield [
            {
                "question_id": question_id,
                "sample": first + place,
                "text": text or "",
                "n_tokens": listed if tokens is None else tokens,
                "logprob_sum": total,
                "finish_reason": finish,
                "recorded_correct": correct,
            }
            for place, (text, (total, listed), tokens, correct, finish) in enumerate(
                zip(
                    *(responses, found.logprobs, found.tokens, found.correct, found.finish_reason),
                    strict=True,
                )
            )
        ]
    absent = [question_id for question_id, count in counts.items() if not count]
    if absent:
        raise SentError(
            f"{path}: no responses for {len(absent)} questions, such as '{absent[0]}'; it is not "
            "the file that the questions were read from"
        )
    reader.log()
    sizes = sorted(set(counts.values()))
    if len(sizes) > 1:
        logger.warning(
            "questions have %s to %s responses: compare metrics of the smaller number",
            *sizes[:: len(sizes) - 1],
        )


def _problem(row: Row, found: InputRow) -> tuple[str, str] | None:
    """The field that a row lacks, and in what words; None if it is whole."""
    for name in ("question", "answer"):
        if not getattr(found, name):
            return name, f"row has no {name}{keys(row)}"
    if found.responses is None:
        return "responses", f"row has no responses{keys(row)}"
    return None if found.responses else ("responses", "the list is empty; expected one response or more")


def _repeats(question_id: str, responses: list[str | None], seen: set[int]) -> bool:
    """Whether a row holds the same responses as an earlier one; one short response may well come twice."""
    if len(responses) == 1 and len(responses[0] or "") < 100:
        return False
    key = hash((question_id, *responses))
    if key in seen:
        return True
    seen.add(key)
    return False

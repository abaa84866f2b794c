"""Anybody's samples: a record a question, whether its responses stand in one row or in many."""

from collections import Counter
from collections.abc import Callable, Iterator

from sent.config import RowFormat
from sent.data.input_row import InputRow, Reader, keys
from sent.data.rows import Row, several_times
from sent.data.text import question_key
from sent.log import progress
from sent.semantic_entropy.summary import Record

AnswerOf = Callable[[str], str | None]
"""Takes the final answer out of a response; None where it states none."""


def read(path: str, answer_of: AnswerOf, format: RowFormat) -> Iterator[tuple[object, Record]]:
    """Yield the id (as given, else the row's number) and record of each question, when its last row was read.

    Rows of the same id are one question; so are rows of the same text that hold one response each and no id. The
    rows are read twice, first to know how many each question has: memory holds the questions that are not whole yet.
    ``path`` is a file, a folder, a pipe, or ``-`` for standard input. Raises :class:`SentError` that names the row.
    """
    with several_times(path) as again:
        left = Counter(_key(row, found) for row, found in Reader(format).understand(again()))
        reader = Reader(format)
        begun: dict[int, tuple[object, Record]] = {}
        for row, found in progress(reader.understand(again()), total=left.total(), desc="rows", unit="row"):
            key = _key(row, found)
            if key not in begun:
                given = row.number if found.id is None else found.id
                begun[key] = (given, Record(str(given), _question(reader, row, found), []))
            _add(begun[key][1], reader, row, found, answer_of)
            left[key] -= 1
            if not left[key]:
                yield begun.pop(key)
        reader.log()


def _key(row: Row, found: InputRow) -> int:
    """What rows of one question share; a hash, as there may be very many."""
    if found.id is not None:
        return hash(("id", found.id))
    if found.single and found.question:
        return hash(("question", question_key(found.question)))
    return hash(("row", row.place, row.number))


def _question(reader: Reader, row: Row, found: InputRow) -> str:
    """The question; output that names requests by id alone has none."""
    if found.question is None and found.id is None:
        raise reader.error(row, "question", f"row has neither question nor id{keys(row)}")
    return found.question or ""


def _add(record: Record, reader: Reader, row: Row, found: InputRow, answer_of: AnswerOf) -> None:
    responses, logprobs, tokens = found.responses, found.logprobs, found.tokens
    if responses is None and found.prediction is not None:
        responses, logprobs, tokens = [found.prediction], [(None, None)], [None]
    if responses is None:
        raise reader.error(row, "responses", f"row has no responses{keys(row)}")
    for text, (total, listed), count in zip(responses, logprobs, tokens, strict=True):
        record.samples.append(len(record.answers))
        record.answers.append(answer_of(text or ""))
        record.logprob_sums.append(total)
        record.n_tokens.append(listed if count is None else count)

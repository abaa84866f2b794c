"""Anybody's samples: a record a question, whether its responses stand in one row or in many."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sent.config import RowFormat
from sent.data.input_row import InputRow, Reader, keys
from sent.data.rows import Row, several_times
from sent.data.text import question_key
from sent.log import progress
from sent.semantic_entropy.summary import Record

AnswerOf = Callable[[str], str | None]
"""Takes the final answer out of a response; None where it states none."""

Part = Sequence[Any]
"""What a row says: id, question, and of each response answer, sum of log-probabilities and number of tokens."""


def read(path: str, answer_of: AnswerOf, format: RowFormat) -> Iterator[tuple[object, Record]]:
    """Yield the id (as given, else the row's number) and record of each question, when its last row was read.

    Rows of the same id are one question; so are rows of the same text that hold one response each and no id. The
    rows are read twice: first all of them are checked and each question's counted. Memory holds a count a question;
    what was read of questions that are not whole yet is in a temporary file. ``path`` is a file, a folder, a pipe, or
    ``-`` for standard input. Raises :class:`SentError` that names the row.
    """
    with several_times(path) as again:
        checked = progress(_checked(Reader(format), again()), desc="checking", unit="row")
        left = Counter(_key(row, found) for row, found in checked)
        reader, begun = Reader(format), _Begun()
        rows = progress(_checked(reader, again()), total=left.total(), desc="reading", unit="row")
        for row, found in rows:
            key = _key(row, found)
            left[key] -= 1
            part = _part(row, found, answer_of)
            if left[key]:
                begun.put(key, part)
            else:
                yield _whole([*begun.take(key), part])
        reader.log()


class _Begun:
    """Parts of questions, in a temporary file: SQLite makes it once memory would hold more than 2 MB, and removes it."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("CREATE TABLE parts (question INTEGER, part TEXT)")
        self._file.execute("CREATE INDEX by_question ON parts (question)")

    def put(self, question: int, part: Part) -> None:
        self._file.execute("INSERT INTO parts VALUES (?, ?)", (question, json.dumps(part)))

    def take(self, question: int) -> list[Part]:
        """Return the parts of a question in the order they came in, and forget them."""
        found = self._file.execute("SELECT part FROM parts WHERE question = ? ORDER BY rowid", (question,))
        parts = [json.loads(part) for (part,) in found]
        if parts:
            self._file.execute("DELETE FROM parts WHERE question = ?", (question,))
        return parts


def _checked(reader: Reader, rows: Iterator[Row]) -> Iterator[tuple[Row, InputRow]]:
    """Yield the rows; raise :class:`SentError` for one without responses or question."""
    for row, found in reader.understand(rows):
        # Output that names requests by id alone has no question.
        if found.question is None and found.id is None:
            raise reader.error(row, "question", f"row has neither question nor id{keys(row)}")
        if found.responses is None and found.prediction is None:
            raise reader.error(row, "responses", f"row has no responses{keys(row)}")
        yield row, found


def _key(row: Row, found: InputRow) -> int:
    """What rows of one question share; a hash, as there may be very many."""
    if found.id is not None:
        return hash(("id", found.id))
    if found.single and found.question:
        return hash(("question", question_key(found.question)))
    return hash(("row", row.place, row.number))


def _part(row: Row, found: InputRow, answer_of: AnswerOf) -> Part:
    responses, logprobs, tokens = found.responses, found.logprobs, found.tokens
    if responses is None:
        responses, logprobs, tokens = [found.prediction], [(None, None)], [None]
    samples = [
        (answer_of(text or ""), total, listed if count is None else count)
        for text, (total, listed), count in zip(responses, logprobs, tokens, strict=True)
    ]
    return row.number if found.id is None else found.id, found.question or "", samples


def _whole(parts: list[Part]) -> tuple[object, Record]:
    """The id, and the record of a question: its text is the first row's."""
    given, question, _ = parts[0]
    samples = [sample for _, _, some in parts for sample in some]
    answers, sums, tokens = map(list, zip(*samples, strict=True)) if samples else ([], [], [])
    return given, Record(str(given), question, answers, list(range(len(answers))), tokens, sums)

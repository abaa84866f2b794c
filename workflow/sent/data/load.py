"""Questions of any source as clean rows: every question once, with an answer, under an id of its own."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sent.config import Generator, Recorded, Source
from sent.data import rows
from sent.data.text import answer_key, answer_text, question_key
from sent.errors import SentError

SHOWN = 5
"""Rows that an error message names one by one."""


@dataclass(frozen=True)
class Dropped:
    """A question that was left out, and why."""

    question_id: str
    reason: str
    detail: str
    question: str


@dataclass(frozen=True)
class Loaded:
    """Rows of :data:`sent.tables.QUESTIONS` in the order of their source, and what was left out."""

    origin: str
    questions: list[dict]
    dropped: list[Dropped]
    n_rows: int
    n_merged: int
    """Rows that repeat an earlier row's question."""


@dataclass
class _Question:
    """One question of the source with all the different answers that its rows give."""

    id: str
    text: str
    group: str | None
    tolerance: float | None
    answers: dict = field(default_factory=dict)


def load(source: Source) -> Loaded:
    """Read a source, merge rows of the same question and drop questions whose rows disagree on the answer.

    Two questions are the same if their texts differ in white space only. Without ids in the source, a
    question's id is a hash of its text. Raises :class:`SentError` for a source that is missing, empty or
    damaged, for a tolerance that is no number, for rows without a question or answer (unless ``on_missing`` is
    ``drop``), for one id on two questions, for a text without ``prefix`` or ``suffix``, and for another number of
    questions than ``rows``.
    ``limit`` is for the caller to apply, after it has left out what it must.
    """
    where = origin(source)
    reader = _Reader(source, where)
    questions: dict[str, _Question] = {}
    keys: dict[str, str] = {}
    n_complete = 0
    for n_complete, (number, row) in enumerate(reader.complete_rows(), start=1):  # noqa: B007
        key = question_key(row["question"])
        question = questions.get(key)
        if question is None:
            question = _Question(row["id"] or _hashed(key), row["question"], row["group"], row["tolerance"])
            questions[key] = question
        if keys.setdefault(row["id"] or question.id, key) != key:
            raise SentError(
                f"{where}: row {number} has the id '{row['id']}' of an earlier row with another question; "
                "give every question an id of its own, or none"
            )
        question.answers.setdefault(answer_key(row["answer"]), row["answer"])

    dropped = reader.incomplete
    kept = []
    for question in questions.values():
        if len(question.answers) > 1:
            answers = " | ".join(question.answers.values())
            dropped.append(Dropped(question.id, "conflicting answers", answers, question.text))
        else:
            (answer,) = question.answers.values()
            kept.append(
                {
                    "question_id": question.id,
                    "question": question.text,
                    "answer": answer,
                    "group": question.group,
                    "tolerance": question.tolerance,
                }
            )
    if not kept:
        raise SentError(
            f"{where}: no question is left of {reader.n_rows} rows; each was dropped, see its `fields`"
        )
    if source.rows is not None and len(kept) != source.rows:
        raise SentError(
            f"{where}: found {len(kept)} questions in {reader.n_rows} rows, expected {source.rows} (`rows`); "
            "another version of the data, or a cut-off file?"
        )
    return Loaded(where, kept, dropped, reader.n_rows, n_complete - len(questions))


def load_recorded(recorded: Recorded) -> Loaded:
    """Read the questions of a file of recorded responses; errors as in :func:`load`."""
    fields = {key: name for key, name in recorded.fields.items() if key in ("id", "question", "answer")}
    return load(Source(path=recorded.path, fields=fields))


def origin(source: Source) -> str:
    """Name a source in messages."""
    if source.hub:
        return f"hub dataset {source.hub.repo}"
    return source.path or f"generator of {', '.join(source.generator.families)}"


class _Reader:
    """Reads the rows of a source; keeps what it leaves out."""

    def __init__(self, source: Source, where: str):
        self.source, self.where = source, where
        self.n_rows = 0
        self.incomplete: list[Dropped] = []
        self._complaints: list[str] = []

    def complete_rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the number and the fields of rows; raise at the end if some were incomplete."""
        for number, row in self._rows():
            self.n_rows += 1
            texts = {
                "id": self._text(number, row, "id", required="id" in self.source.fields),
                "question": self._question(number, row),
                "answer": self._text(number, row, "answer", required=True),
                "group": self._text(number, row, "group", required=False),
                "tolerance": self._tolerance(number, row),
            }
            lacking = [name for name in ("question", "answer") if not texts[name]]
            if not lacking:
                yield number, texts
            elif self.source.on_missing == "drop":
                self._drop(number, texts, lacking)
            else:
                self._complain(number, texts, lacking, row)
        if not self.n_rows:
            raise SentError(f"{self.where}: is empty; expected one question a row")
        if self._complaints:
            more = len(self._complaints) - SHOWN
            raise SentError(
                f"{self.where}: {'; '.join(self._complaints[:SHOWN])}"
                f"{f'; and {more} rows more' if more > 0 else ''}; mend these rows, or leave them out by "
                "`on_missing: drop`"
            )

    def _rows(self) -> Iterator[rows.Row]:
        if self.source.hub:
            return rows.of_hub(self.source.hub)
        if self.source.path:
            return rows.of_file(self.source.path)
        return _generated(self.source.generator)

    def _text(self, number: int, row: dict, name: str, required: bool) -> str | None:
        column = self.source.fields.get(name, name)
        try:
            return answer_text(rows.value(row, column)) or None
        except KeyError:
            if name == "id" and required:
                raise SentError(
                    f"{self.where}: row {number} has no '{column}' (`fields.id`){_columns(row)}"
                ) from None
            return None
        except TypeError as error:
            if not required:
                return None
            raise SentError(
                f"{self.where}: row {number}: '{column}': {error}; reach a value inside with dots, such as "
                f"'{column}.value'"
            ) from None

    def _tolerance(self, number: int, row: dict) -> float | None:
        text = self._text(number, row, "tolerance", required=False)
        if text is None:
            return None
        try:
            tolerance = float(text)
        except ValueError:
            tolerance = -1.0
        if not 0 <= tolerance < math.inf:
            column = self.source.fields.get("tolerance", "tolerance")
            raise SentError(
                f"{self.where}: row {number}: '{column}' (`fields.tolerance`) is {text!r}; expected a number, 0 or "
                "more, or nothing"
            )
        return tolerance

    def _question(self, number: int, row: dict) -> str | None:
        column = self.source.fields.get("question", "question")
        try:
            text = rows.value(row, column)
        except KeyError:
            return None
        if text is None:
            return None
        if not isinstance(text, str):
            raise SentError(
                f"{self.where}: row {number}: '{column}' is a {type(text).__name__}, expected a text; reach "
                f"one inside with dots, such as '{column}.0.content'"
            )
        prefix, suffix = self.source.prefix, self.source.suffix
        for key, wrapper, there in (
            ("prefix", prefix, text.startswith(prefix)),
            ("suffix", suffix, text.endswith(suffix)),
        ):
            if not there:
                raise SentError(
                    f"{self.where}: row {number}: the question lacks the `{key}` {wrapper!r}: {text[:80]!r}"
                )
        return text[len(prefix) : len(text) - len(suffix)].strip()

    def _drop(self, number: int, texts: dict, lacking: list[str]) -> None:
        reason = f"no {' and no '.join(lacking)}"
        self.incomplete.append(Dropped(texts["id"] or "", reason, f"row {number}", texts["question"] or ""))

    def _complain(self, number: int, texts: dict, lacking: list[str], row: dict) -> None:
        if len(self._complaints) < SHOWN:
            known = f" (id '{texts['id']}')" if texts["id"] else ""
            absent = [self.source.fields.get(name, name) for name in lacking]
            hint = "" if any(_has(row, name) for name in absent) else _columns(row)
            self._complaints.append(f"row {number}{known} has no {' and no '.join(lacking)}{hint}")
        else:
            self._complaints.append("")


def _generated(settings: Generator) -> Iterator[rows.Row]:
    from sent.data.arithmetic import generate

    for number, row in enumerate(generate(settings), start=1):
        yield number, {**row, "id": row["question_id"]}


def _hashed(key: str) -> str:
    return f"q-{hashlib.blake2b(key.encode(), digest_size=6).hexdigest()}"


def _has(row: dict, column: str) -> bool:
    try:
        rows.value(row, column)
    except KeyError:
        return False
    return True


def _columns(row: dict) -> str:
    return f"; its columns are {', '.join(map(str, row))}: name the right one in `fields`"

"""Questions of any source as clean rows: every question once, with an answer, under an id of its own."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from sent.config import Generator, ReasoningGym, Recorded, RowFormat, Source
from sent.data import rows
from sent.data.input_row import InputRow, Reader
from sent.data.rows import Row
from sent.data.text import answer_key, answer_text, question_key
from sent.errors import SentError

FIELDS = ("id", "question", "answer", "group", "tolerance")
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
class _Merged:
    """One question of the source with all the different answers that its rows give, and the files of these."""

    id: str
    text: str
    row: InputRow
    answers: dict = field(default_factory=dict)
    files: set[str] = field(default_factory=set)


def load(source: Source) -> Loaded:
    """Read a source, merge rows of the same question and drop questions whose rows disagree on the answer.

    Two questions are the same if their texts differ in white space only. Without ids in the source, a
    question's id is a hash of its text. Raises :class:`SentError` for a source that is missing, empty or
    damaged, for a tolerance that is no number, for rows without a question or answer (unless ``on_missing`` is
    ``drop``), for one id on two questions, for a text without ``prefix`` or ``suffix``, and for another number of
    questions than ``rows``.
    ``limit`` is for the caller to apply, after it has left out what it must.
    """
    where, read = _origin(source)
    found = _merged(_Questions(source, where, [(where, read)], source.prefix, source.suffix))
    if source.rows is not None and len(found.questions) != source.rows:
        raise SentError(
            f"{where}: found {len(found.questions)} questions in {found.n_rows} rows, expected {source.rows} (`rows`); "
            "another version of the data, or a cut-off file?"
        )
    return found


def load_recorded(recorded: Recorded) -> Loaded:
    """Read the questions of recorded responses; errors as in :func:`load`.

    Where several models answered, questions that not all of them did are left out.
    """
    paths = list(dict.fromkeys(recorded.paths(["recorded"]).values()))
    files = [(path, partial(rows.of_file, path)) for path in paths]
    questions = _Questions(recorded, ", ".join(paths), files, golds=golds(recorded.questions))
    return _merged(questions)


def golds(source: Source | None) -> dict[str, dict]:
    """Rows of :data:`sent.tables.QUESTIONS` by id, to join to responses that stand elsewhere."""
    return {row["question_id"]: row for row in load(source).questions} if source else {}


def joined(found: InputRow, golds: dict[str, dict]) -> InputRow:
    """A row with what it lacks of question, answer and tolerance, by its id."""
    known = golds.get(answer_text(found.id))
    if known is None:
        return found
    lacking = [name for name in ("question", "answer", "tolerance") if getattr(found, name) is None]
    return found.model_copy(update={name: known[name] for name in lacking})


def _origin(source: Source) -> tuple[str, Callable[[], Iterator[Row]]]:
    """Name a source in messages, and say what reads its rows."""
    if source.hub:
        return f"hub dataset {source.hub.repo}", partial(rows.of_hub, source.hub)
    if source.reasoning_gym:
        families = ", ".join(source.reasoning_gym.families)
        return f"reasoning-gym's {families}", partial(_reasoning, source.reasoning_gym)
    if source.generator:
        return f"generator of {', '.join(source.generator.families)}", partial(_generated, source.generator)
    assert source.path is not None, "a source has one of the four"
    return source.path, partial(rows.of_file, source.path)


def _merged(reader: "_Questions") -> Loaded:
    """Merge the rows of the same question."""
    questions: dict[str, _Merged] = {}
    keys: dict[str, str] = {}
    n_complete = 0
    for file, row, found in reader.complete_rows():
        n_complete += 1
        assert found.question and found.answer, "the row is complete"
        key = question_key(found.question)
        given = answer_text(found.id)
        question = questions.setdefault(key, _Merged(given or _hashed(key), found.question, found))
        if keys.setdefault(given or question.id, key) != key:
            raise SentError(
                f"{row.where} has the id '{given}' of an earlier row with another question; "
                "give every question an id of its own, or none"
            )
        question.answers.setdefault(answer_key(found.answer), found.answer)
        question.files.add(file)

    dropped, kept = reader.incomplete, []
    for question in questions.values():
        if len(question.answers) > 1:
            answers = " | ".join(question.answers.values())
            dropped.append(Dropped(question.id, "conflicting answers", answers, question.text))
        elif lacking := [file for file, _ in reader.files if file not in question.files]:
            dropped.append(
                Dropped(question.id, "not answered in every file", ", ".join(lacking), question.text)
            )
        else:
            (answer,) = question.answers.values()
            kept.append(
                {
                    "question_id": question.id,
                    "question": question.text,
                    "answer": answer,
                    "group": question.row.group,
                    "tolerance": question.row.tolerance,
                }
            )
    if not kept:
        raise SentError(
            f"{reader.where}: no question is left of {reader.n_rows} rows; each was dropped, see its `fields`"
        )
    return Loaded(reader.where, kept, dropped, reader.n_rows, n_complete - len(questions))


class _Questions:
    """Reads questions from files, each a name and a function that yields its rows; keeps what it leaves out."""

    def __init__(
        self,
        format: RowFormat,
        where: str,
        files: Sequence[tuple[str, Callable[[], Iterator[Row]]]],
        prefix: str = "",
        suffix: str = "",
        golds: dict[str, dict] | None = None,
    ):
        self.format, self.where, self.files = format, where, files
        self.prefix, self.suffix, self.golds = prefix, suffix, golds or {}
        self.reader = Reader(format, FIELDS)
        self.n_rows = 0
        self.incomplete: list[Dropped] = []
        self._complaints: list[str] = []

    def complete_rows(self) -> Iterator[tuple[str, Row, InputRow]]:
        """Yield rows with the name of their file, the question unwrapped; raise at the end if some were incomplete."""
        for file, read in self.files:
            for row, found in self.reader.understand(read()):
                self.n_rows += 1
                if complete := self._complete(row, joined(found, self.golds)):
                    yield file, row, complete
        if not self.n_rows:
            raise SentError(f"{self.where}: is empty; expected one question a row")
        if self._complaints:
            more = len(self._complaints) - SHOWN
            raise SentError(
                f"{self.where}: {'; '.join(self._complaints[:SHOWN])}"
                f"{f'; and {more} rows more' if more > 0 else ''}; mend these rows, or leave them out by "
                "`on_missing: drop`"
            )
        self.reader.log()

    def _complete(self, row: Row, found: InputRow) -> InputRow | None:
        found = self._unwrapped(row, found)
        if "id" in self.format.fields and found.id is None:
            raise SentError(
                f"{row.where} has no id in '{self.reader.column('id')}' (`fields.id`){_columns(row)}"
            )
        lacking = [name for name in ("question", "answer") if not getattr(found, name)]
        if not lacking:
            return found
        if self.format.on_missing == "drop":
            reason = f"no {' and no '.join(lacking)}"
            self.incomplete.append(
                Dropped(answer_text(found.id), reason, f"row {row.number}", found.question or "")
            )
        else:
            self._complain(row, found, lacking)
        return None

    def _unwrapped(self, row: Row, found: InputRow) -> InputRow:
        prefix, suffix = self.prefix, self.suffix
        if found.question is None or not prefix + suffix:
            return found
        text = found.question
        for key, wrapper, there in (
            ("prefix", prefix, text.startswith(prefix)),
            ("suffix", suffix, text.endswith(suffix)),
        ):
            if not there:
                raise SentError(f"{row.where}: the question lacks the `{key}` {wrapper!r}: {text[:80]!r}")
        return found.model_copy(update={"question": text[len(prefix) : len(text) - len(suffix)].strip()})

    def _complain(self, row: Row, found: InputRow, lacking: list[str]) -> None:
        if len(self._complaints) >= SHOWN:
            self._complaints.append("")
            return
        known = f" (id '{found.id}')" if found.id is not None else ""
        absent = [self.reader.column(name) for name in lacking]
        hint = "" if any(_has(row, name) for name in absent) else _columns(row)
        self._complaints.append(f"row {row.number}{known} has no {' and no '.join(lacking)}{hint}")


def _generated(settings: Generator) -> Iterator[Row]:
    from sent.data.arithmetic import generate

    for number, row in enumerate(generate(settings), start=1):
        question_id = row.pop("question_id")
        yield Row("generator", number, {**row, "id": question_id})


def _reasoning(settings: ReasoningGym) -> Iterator[Row]:
    from sent.data.reasoning import generate

    for number, row in enumerate(generate(settings), start=1):
        yield Row("reasoning-gym", number, row)


def _hashed(key: str) -> str:
    return f"q-{hashlib.blake2b(key.encode(), digest_size=6).hexdigest()}"


def _has(row: Row, column: str) -> bool:
    try:
        rows.value(row.values, column)
    except KeyError:
        return False
    return True


def _columns(row: Row) -> str:
    return f"; its columns are {', '.join(map(str, row.values))}: name the right one in `fields`"

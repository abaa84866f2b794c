"""Benchmarks named on the command line, read and checked."""

from sent import tables
from sent.errors import SentError


def read_benchmarks(named: list[str]) -> dict[str, list[dict]]:
    """Return the questions of every ``NAME=FILE``, in their order.

    Raises :class:`SentError` for text of another form, a name given twice, a benchmark without questions, two
    questions of one id, and a question without a gold answer.
    """
    benchmarks: dict[str, list[dict]] = {}
    for text in named:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise SentError(f"--benchmarks: expected NAME=FILE, found '{text}'")
        if name in benchmarks:
            raise SentError(f"--benchmarks: '{name}' is given twice")
        benchmarks[name] = _checked(name, path, tables.rows(path, tables.QUESTIONS))
    return benchmarks


def _checked(name: str, path: str, questions: list[dict]) -> list[dict]:
    if not questions:
        raise SentError(f"{path}: benchmark '{name}' has no questions; run the stage data again")
    seen = set()
    for number, row in enumerate(questions, start=1):
        if row["question_id"] in seen:
            raise SentError(
                f"{path}: row {number}: the id '{row['question_id']}' stands on an earlier row, too"
            )
        seen.add(row["question_id"])
        if not (row["answer"] or "").strip():
            raise SentError(
                f"{path}: row {number}: question '{row['question_id']}' of benchmark '{name}' has no gold "
                "answer; it cannot be graded: mend its source, or leave the row out"
            )
    return questions

"""Questions with their graded samples, read a chunk at a time and without the texts of the responses."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sent import tables
from sent.data.complete import check_complete
from sent.errors import SentError
from sent.semantic_entropy.summary import Record


def read(
    questions: str | Path, samples: str | Path, verdicts: str | Path, chunk: int = 2000
) -> Iterator[list[Record]]:
    """Yield lists of ``chunk`` records in the order of the questions file; samples of a question by number.

    Memory: the narrow columns of the samples as Arrow arrays (tens of bytes a sample), and one chunk of
    records. Raises :class:`SentError` where samples and verdicts do not fit each other or the questions.
    """
    listed = _columns(questions, tables.QUESTIONS, "question_id", "question")
    ids = listed["question_id"].combine_chunks()
    check_complete(samples, tables.SAMPLES, {None: ids.to_pylist()})
    drawn, drawn_keys = _by_question(
        samples, ids, _columns(samples, tables.SAMPLES, "question_id", "sample", "n_tokens", "logprob_sum")
    )
    graded, graded_keys = _by_question(
        verdicts, ids, _columns(verdicts, tables.VERDICTS, "question_id", "sample", "extracted", "verdict")
    )
    if len(drawn_keys) != len(graded_keys) or not (drawn_keys == graded_keys).all():
        raise SentError(f"{verdicts}: its samples are not those of {samples}; run the stage `grading` again")
    starts = np.searchsorted(drawn_keys[:, 0], np.arange(len(ids) + 1))
    for first in range(0, len(ids), chunk):
        last = min(first + chunk, len(ids))
        rows = slice(starts[first], starts[last])
        part = {
            name: column.slice(rows.start, rows.stop - rows.start).to_pylist()
            for name, column in (
                ("samples", drawn["sample"]),
                ("n_tokens", drawn["n_tokens"]),
                ("logprob_sums", drawn["logprob_sum"]),
                ("answers", graded["extracted"]),
                ("verdicts", graded["verdict"]),
            )
        }
        yield [
            _record(
                listed,
                question,
                part,
                slice(starts[question] - rows.start, starts[question + 1] - rows.start),
            )
            for question in range(first, last)
        ]


def _record(listed: pa.Table, question: int, part: dict[str, list], rows: slice) -> Record:
    return Record(
        id=listed["question_id"][question].as_py(),
        text=listed["question"][question].as_py(),
        answers=part["answers"][rows],
        samples=part["samples"][rows],
        n_tokens=part["n_tokens"][rows],
        logprob_sums=part["logprob_sums"][rows],
        correct=[None if verdict is None else verdict == "correct" for verdict in part["verdicts"][rows]],
    )


def _by_question(path: str | Path, ids: pa.Array, data: pa.Table) -> tuple[pa.Table, np.ndarray]:
    """Sort rows by (place of the question in ``ids``, sample); return them and these keys, ``[rows, 2]``."""
    places = pc.index_in(data["question_id"].combine_chunks(), ids)
    if places.null_count:
        stranger = data["question_id"].filter(pc.is_null(places))[0].as_py()
        raise SentError(
            f"{path}: has a sample of the question '{stranger}', which is not among the questions"
        )
    keys = np.stack([places.to_numpy(), data["sample"].to_numpy()], axis=1)
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    keys = keys[order]
    twice = np.flatnonzero((keys[1:] == keys[:-1]).all(axis=1))
    if len(twice):
        question, sample = keys[twice[0]]
        raise SentError(f"{path}: has sample {sample} of the question '{ids[int(question)].as_py()}' twice")
    return data.drop_columns(["question_id"]).take(pa.array(order)), keys


def _columns(path: str | Path, schema: pa.Schema, *names: str) -> pa.Table:
    """Read only the named columns: the texts beside them may be many gigabytes."""
    return tables.read(path, pa.schema([schema.field(name) for name in names]))

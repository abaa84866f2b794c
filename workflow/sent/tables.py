"""The files that pass between stages: their Arrow schemas, atomic writing, validated reading."""

import contextlib
import glob
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sent.errors import SentError


def _schema(*optional: str, **columns: pa.DataType) -> pa.Schema:
    """A schema; columns named in ``optional`` are read as nulls where a file lacks them."""
    return pa.schema(
        [
            pa.field(name, kind, metadata={"optional": "yes"} if name in optional else None)
            for name, kind in columns.items()
        ]
    )


text, whole, real, yes_no = pa.string(), pa.int32(), pa.float64(), pa.bool_()

QUESTIONS = _schema("tolerance", question_id=text, question=text, answer=text, group=text, tolerance=real)
"""`group`: family, subject or level of the question where its source names one, else null; `tolerance`: absolute
error allowed in the answer to this question, null for none."""

SAMPLES = _schema(
    question_id=text,
    sample=whole,
    text=text,
    n_tokens=whole,
    logprob_sum=real,
    finish_reason=text,
    prompt_hash=text,
    recorded_correct=yes_no,
)
"""`logprob_sum` in nats at the decoding temperature, null if unknown; `finish_reason`: stop, length or unknown."""

VERDICTS = _schema(
    question_id=text, sample=whole, extracted=text, verdict=text, paper_match=yes_no, verdict_reason=text
)
"""`verdict`: correct, wrong, no_answer, truncated, timeout or error; `paper_match`: plain string match after
normalisation, as the paper's grader does it; `verdict_reason`: the rule that decided, of docs/grading_grammar.md."""

CLUSTERS = _schema(question_id=text, sample=whole, cluster=whole, decided_by=text)
"""`cluster` counts from 0 in order of first appearance, -1 if dropped; `decided_by`: exact, math_verify, nli,
embedding, first (opened a cluster), unparsable."""

CALIBRATION = _schema(
    question_id=text,
    premise=text,
    hypothesis=text,
    math_verify=yes_no,
    label=text,
    p_contradiction=real,
    p_neutral=real,
    p_entailment=real,
)
"""Directed pairs of answers to one question: whether math_verify calls them equal, and the entailment model's
label (contradiction, neutral or entailment) and probabilities."""

SEMANTIC_ENTROPY = _schema(
    question_id=text,
    n_samples=whole,
    n_unparsable=whole,
    n_clusters=whole,
    semantic_entropy=real,
    standard_error=real,
    rao_blackwell=real,
    normalised=real,
    miller_madow=real,
    chao_shen=real,
    predictive_entropy=real,
    accuracy=real,
    mean_token_nll=real,
    mean_tokens=real,
)
"""Entropies in nats. `semantic_entropy` is the discrete estimator; `rao_blackwell`, `predictive_entropy` and
`mean_token_nll` are null without log-probabilities."""

CURRICULUM = _schema(
    question_id=text,
    stage=whole,
    position=whole,
    score=real,
    semantic_entropy=real,
    accuracy=real,
    rehearsal=yes_no,
    why=text,
)
"""`score` is what the curriculum sorts by; `stage` counts from 1; `position` from 0 inside its stage, in the order of the
score. Both are null for questions left out of training. Every question has one row with `rehearsal` false."""

PROBE = _schema(
    question_id=text,
    stage=whole,
    step=whole,
    n=whole,
    n_correct=whole,
    n_no_answer=whole,
    n_truncated=whole,
    n_answers=whole,
    semantic_entropy=real,
    n_tokens=whole,
    token_entropy=real,
)
"""A probe question at a step. `step` counts over all stages, from 0: the policy that training starts from. `n_answers`:
different ones, as the grader compares them; `semantic_entropy`: over them, in nats, responses without an answer do not
count; `token_entropy`: of the whole vocabulary's distribution, in nats, mean over the `n_tokens` tokens of the n responses."""

RESPONSES = _schema(
    benchmark=text,
    question_id=text,
    sample=whole,
    text=text,
    n_tokens=whole,
    logprob_sum=real,
    finish_reason=text,
    prompt_hash=text,
)
"""As `SAMPLES`, to benchmark questions."""

RESPONSE_VERDICTS = _schema(benchmark=text, **{field.name: field.type for field in VERDICTS}, cluster=whole)
"""As `VERDICTS`, of the responses to benchmark questions, in their order. `cluster`: answers to a question that the grader
takes for one another have one number, from 0 in order of first appearance; -1: no answer."""

ROLLOUTS = _schema(
    stage=whole,
    step=whole,
    question_id=text,
    sample=whole,
    question=text,
    response=text,
    reward=real,
    advantage=real,
    verdict=text,
    truncated=yes_no,
)
"""A few responses of each training step; `sample`: number of the response in its step."""

MARKER = ".written-by-sent"
"""Stands in every folder that :func:`atomic` has written, and may therefore replace."""


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that is renamed to it when the block ends without an error.

    Works for files and for folders (create the folder yourself). After an error nothing is left, and what a killed
    writer of the same path left behind is gone. Raises :class:`SentError` where ``path`` is a folder that this
    function has not written: replacing it would delete somebody's files.
    """
    path = Path(path)
    if path.is_dir() and (path.is_symlink() or not _written_here(path)):
        raise SentError(
            f"{path}: a folder with files that no command of ours has written; nothing was replaced: give another "
            "path, or remove the folder first"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    earlier = path.with_name(f".{path.name}.{os.getpid()}.earlier.tmp")
    try:
        yield temporary
        if temporary.is_dir():
            (temporary / MARKER).touch()
            if path.exists():
                os.replace(path, earlier)
        os.replace(temporary, path)
    except OSError as error:
        ours = error.filename is None or temporary.name in os.fsdecode(error.filename)
        if error.errno is None or not ours or isinstance(error, BrokenPipeError):
            raise
        raise SentError(
            f"{path}: cannot be written ({error}); is there room, and may it be written?"
        ) from None
    finally:
        _remove(temporary)
        _remove(earlier)


def _written_here(folder: Path) -> bool:
    return (folder / MARKER).is_file() or not any(folder.iterdir())


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary files of writers of ``path`` that were killed."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp*"):
        writer = leftover.name.removeprefix(f".{path.name}.").partition(".")[0]
        if writer.isdigit() and (int(writer) == os.getpid() or not _is_alive(int(writer))):
            _remove(leftover)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def table(schema: pa.Schema, rows: list[dict]) -> pa.Table:
    """Build a table of ``schema`` from rows; absent keys become null."""
    return pa.Table.from_pylist(rows, schema=schema)


def write(
    path: str | Path,
    data: pa.Table,
    schema: pa.Schema | None = None,
    metadata: dict[str, str] | None = None,
    *,
    smallest: bool = False,
) -> None:
    """Write a Parquet file atomically. With ``schema`` the columns are checked and cast to it.

    ``smallest`` spends time on size: numbers that hardly repeat are split into their bytes, of which the high ones compress.
    """
    if schema is not None:
        data = data.select(schema.names).cast(schema)
    if metadata:
        data = data.replace_schema_metadata({**(data.schema.metadata or {}), **metadata})
    with atomic(path) as temporary:
        how = _smallest(data) if smallest else {}
        pq.write_table(data, temporary, compression="zstd", write_page_checksum=True, **how)


def _smallest(data: pa.Table) -> dict[str, Any]:
    floats = [field.name for field in data.schema if pa.types.is_floating(field.type)]
    split = [name for name in floats if pc.count_distinct(data[name]).as_py() > len(data) / 4]
    others = [name for name in data.column_names if name not in split]
    return {"use_byte_stream_split": split, "use_dictionary": others, "compression_level": 15}


def check(path: str | Path, schema: pa.Schema) -> None:
    """Raise :class:`SentError` unless ``path`` is an undamaged Parquet file with the columns of ``schema``.

    For readers such as DuckDB, which do not look at the checksums of pages.
    """
    try:
        with _opened(path) as file:
            _refuse_missing(path, file.schema_arrow.names, schema)
            for _ in file.iter_batches():
                pass
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def read(path: str | Path, schema: pa.Schema | None = None) -> pa.Table:
    """Read a Parquet file. Raises :class:`SentError` if it is missing, damaged or lacks a column of ``schema``."""
    try:
        with _opened(path) as file:
            names = file.schema_arrow.names
            if schema is not None:
                _refuse_missing(path, names, schema)
            data = file.read(None if schema is None else [name for name in schema.names if name in names])
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None
    if schema is None:
        return data
    for field in schema:
        if field.name not in data.column_names:
            data = data.append_column(field, pa.nulls(len(data), field.type))
    return data.select(schema.names).cast(schema)


def _opened(path: str | Path) -> pq.ParquetFile:
    if not Path(path).is_file():
        raise SentError(f"{path}: no such file; run the stage that makes it first")
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str | Path, error: Exception) -> SentError:
    return SentError(f"{path}: not a readable Parquet file ({error}); delete it and run its stage again")


def _refuse_missing(path: str | Path, names: list[str], schema: pa.Schema) -> None:
    missing = [field.name for field in schema if field.name not in names and not field.metadata]
    if missing:
        raise SentError(f"{path}: lacks the columns {missing}, has {names}; run its stage again")


def rows(path: str | Path, schema: pa.Schema | None = None) -> list[dict]:
    """Read a Parquet file as a list of dicts; errors as in :func:`read`."""
    return read(path, schema).to_pylist()


def fact(path: str | Path, key: str, default: Any = None) -> Any:
    """Return the JSON value under ``key`` of a Parquet file's metadata; errors as in :func:`read`."""
    text = metadata(path).get(key)
    try:
        return default if text is None else json.loads(text)
    except ValueError as error:
        raise _unreadable(path, error) from None


def count(path: str | Path) -> int:
    """Return the number of rows of a Parquet file; errors as in :func:`read`."""
    with _opened(path) as file:
        return file.metadata.num_rows


def metadata(path: str | Path) -> dict[str, str]:
    """Return the text metadata of a Parquet file, such as what backend made it; errors as in :func:`read`."""
    with _opened(path) as file:
        found = file.schema_arrow.metadata or {}
    return {
        k.decode(errors="replace"): v.decode(errors="replace")
        for k, v in found.items()
        if not k.startswith((b"ARROW", b"pandas"))
    }

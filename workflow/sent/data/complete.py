"""Whether a file of responses holds each response that was asked for: a missing row is no answer to a question."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

from sent import tables
from sent.errors import SentError


def check_complete(
    path: str | Path, schema: pa.Schema, asked: Mapping[str, Iterable[str]] | Mapping[None, Iterable[str]]
) -> None:
    """Raise :class:`SentError` with expected and found numbers if a file lacks responses.

    ``schema`` is :data:`sent.tables.RESPONSES` or :data:`sent.tables.SAMPLES`, ``asked`` the ids of questions by benchmark
    (None: training questions). How many responses there are to each, the file's own settings say; where it has none, of
    evaluations as many as to any other, and of samples one at all, since recorded ones may be of any number. A file
    with responses to questions that were not asked passes: saying so is the caller's part.
    """
    names = [name for name in ("benchmark", "question_id", "sample") if name in schema.names]
    read = tables.read(path, pa.schema([schema.field(name) for name in names])).to_pydict()
    benchmarks = read.get("benchmark", [None] * len(read["question_id"]))
    keys = set(zip(benchmarks, read["question_id"], read["sample"], strict=True))
    found = Counter((benchmark, question) for benchmark, question, _ in keys)
    n = _responses_each(path) or (max(found.values(), default=0) if "benchmark" in names else None)
    left_out = set(tables.fact(path, "left_out", []))
    expected = {(name, question) for name, questions in asked.items() for question in questions}
    if found.keys() - expected:
        return  # responses to other questions, which is what the caller has to say
    expected = {key for key in expected if key[1] not in left_out}
    if expected and not found:
        raise SentError(
            f"{path}: holds no response, expected some to {len(expected)} questions; run its stage again"
        )
    lacking = [] if n is None else sorted(key for key in expected if found[key] != n)
    if lacking:
        benchmark, question = lacking[0]
        of = f" of benchmark '{benchmark}'" if benchmark else ""
        raise SentError(
            f"{path}: expected {n} responses to each of {len(expected)} questions, {len(lacking)} have another number: "
            f"'{question}'{of} has {found[lacking[0]]}; run its stage again"
        )


def _responses_each(path: str | Path) -> int | None:
    """The number of responses to a question that the settings in a file's metadata ask for."""
    settings = tables.fact(path, "sampling") or tables.fact(path, "evaluation") or {}
    return settings.get("n")

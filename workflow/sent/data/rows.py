"""Rows of JSONL, Parquet and CSV files and of hub datasets, each with its number; values inside rows."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sent.config import Hub
from sent.errors import SentError

Row = tuple[int, dict[str, Any]]
"""A row's number, from 1 (in JSONL the number of its line), and its values by column."""


def of_file(path: str | Path) -> Iterator[Row]:
    """Yield the rows of a .jsonl, .parquet or .csv file.

    Raises :class:`SentError` if the file is missing, of another kind, or damaged (naming the line).
    """
    path = Path(path)
    readers = {".jsonl": _jsonl, ".parquet": _parquet, ".csv": _csv}
    if path.suffix not in readers:
        raise SentError(
            f"{path}: questions are read from {', '.join(readers)} files, found '{path.suffix or path.name}'"
        )
    if not path.is_file():
        raise SentError(f"{path}: no such file; paths count from the working directory")
    return readers[path.suffix](path)


def of_hub(hub: Hub) -> Iterator[Row]:
    """Yield the rows of a hub dataset's split. Raises :class:`SentError` if it cannot be loaded."""
    import datasets

    where = f"hub dataset {hub.repo} (split {hub.split}, revision {hub.revision or 'newest'})"
    try:
        found = datasets.load_dataset(hub.repo, name=hub.subset, split=hub.split, revision=hub.revision)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise SentError(
            f"{where}: cannot be loaded: {' '.join(str(error).split())}; check name, subset, split and "
            "revision, and that the hub can be reached, or give a local file as `path`"
        ) from None
    return enumerate(found, start=1)


def value(row: dict[str, Any], field: str) -> Any:
    """Return the value of ``field``; where no column has that name, dots reach inside (``prompt.0.content``).

    Raises ``KeyError`` if there is no such value.
    """
    if field in row:
        return row[field]
    found: Any = row
    for part in field.split("."):
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            raise KeyError(field)
    return found


def _jsonl(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _json_object(path, number, line)
    except UnicodeDecodeError as error:
        raise SentError(f"{path}: is not UTF-8 text ({error})") from None


def _json_object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise SentError(
            f"{path}: line {number} is not JSON ({error}); expected one object a line, and this one may "
            f"have been cut off: {line.strip()[:80]!r}"
        ) from None
    if not isinstance(found, dict):
        raise SentError(
            f"{path}: line {number} holds a {type(found).__name__}; expected one JSON object a line"
        )
    return found


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (pa.ArrowException, OSError) as error:
        raise SentError(f"{path}: not a readable Parquet file ({error})") from None


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, strict=True)
        try:
            for number, row in enumerate(reader, start=1):
                if None in row:
                    raise SentError(f"{path}: row {number} has more values than the header has columns")
                yield number, row
        except UnicodeDecodeError as error:
            raise SentError(f"{path}: is not UTF-8 text ({error})") from None
        except csv.Error as error:
            raise SentError(f"{path}: line {reader.line_num} is not CSV ({error})") from None

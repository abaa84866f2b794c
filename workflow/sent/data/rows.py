"""Rows of files of any kind and of hub datasets, each with its place; values inside rows."""

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from sent.config import Hub
from sent.errors import SentError

OPENERS: dict[str, Callable] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
DAMAGED = (EOFError, gzip.BadGzipFile, lzma.LZMAError, OSError)


class Row(NamedTuple):
    """A row: the file that holds it, its number there from 1 (in JSON Lines that of its line), values by column."""

    place: str
    number: int
    values: dict[str, Any]

    @property
    def where(self) -> str:
        """How messages name the row."""
        return f"{self.place}: row {self.number}"


def of_file(path: str | Path) -> Iterator[Row]:
    """Yield the rows of a file, or of all files in a folder by name.

    JSON Lines or a JSON array (.jsonl, .ndjson, .json; also where a name has no suffix), Parquet, CSV and TSV, in
    capitals or not, the texts also as .gz, .bz2 or .xz. Nothing but Parquet's row groups, or a line, is held in
    memory. Raises :class:`SentError` if the file is missing, of another kind, or damaged (naming the row).
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise SentError(f"{path}: no such file; paths count from the working directory")
    read = _reader(path)
    if read is None:
        raise SentError(
            f"{path}: rows are read from .jsonl, .ndjson, .json, .parquet, .csv and .tsv files (texts also .gz, .bz2 "
            f"and .xz), found '{path.suffix}'"
        )
    return read(path)


@contextlib.contextmanager
def several_times(path: str) -> Iterator[Callable[[], Iterator[Row]]]:
    """Yield a function that reads the rows of ``path`` from the first one each time that it is called.

    Standard input (``-``) and pipes, which hold JSON, are copied to a temporary file for it.
    """
    if path != "-" and (not Path(path).exists() or Path(path).is_file() or Path(path).is_dir()):
        yield lambda: of_file(path)
        return
    with tempfile.TemporaryFile() as kept:
        if path == "-":
            piped = getattr(sys.stdin, "buffer", None)
            kept.write(sys.stdin.read().encode()) if piped is None else shutil.copyfileobj(piped, kept)
        else:
            with open(path, "rb") as piped:
                shutil.copyfileobj(piped, kept)

        def read() -> Iterator[Row]:
            kept.seek(0)
            return _json("standard input" if path == "-" else path, kept)

        yield read


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
    return (Row(f"hub dataset {hub.repo}", number, row) for number, row in enumerate(found, start=1))


def value(row: dict[str, Any], field: str) -> Any:
    """Return the value of ``field``; where no column has that name, dots reach inside (``prompt.0.content``).

    ``*`` stands for every entry of a list and gives a list: ``choices.*.message.content``; entries without the
    rest of the path give None. Raises ``KeyError`` if there is no such value.
    """
    return row[field] if field in row else _inside(row, field.split("."), field)


def _inside(found: Any, parts: list[str], field: str) -> Any:
    for place, part in enumerate(parts):
        if part == "*" and isinstance(found, list):
            return _each(found, parts[place + 1 :], field)
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            raise KeyError(field)
    return found


def _each(entries: list, rest: list[str], field: str) -> list:
    """What every entry of a list holds; a further ``*`` adds to the same list."""
    found: list = []
    for entry in entries:
        try:
            inside = _inside(entry, rest, field)
        except KeyError:
            inside = None
        found += inside if "*" in rest and inside is not None else [inside]
    return found


def _reader(path: Path) -> Callable[[Path], Iterator[Row]] | None:
    """Return the function that reads a file of this name; JSON where the name has no suffix, as pipes have none."""
    name = path.name.lower()
    for suffix in OPENERS:
        name = name.removesuffix(suffix)
    if "." not in name or name.endswith((".jsonl", ".ndjson", ".json")):
        return _json_file
    if name.endswith((".csv", ".tsv")):
        return _csv
    return _parquet if name.endswith(".parquet") else None


def _folder(folder: Path) -> Iterator[Row]:
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and "." in path.name.strip(".")
        and not path.name.startswith((".", "_"))
        and _reader(path)
    ]
    if not files:
        raise SentError(f"{folder}: the folder holds no .jsonl, .json, .parquet, .csv or .tsv file")
    return (row for path in files for row in of_file(path))


def _json_file(path: Path) -> Iterator[Row]:
    with _open(path) as file:
        yield from _json(str(path), file)


def _open(path: Path) -> IO[bytes]:
    """Open a file, packed or not, for reading bytes."""
    try:
        return OPENERS.get(path.suffix.lower(), open)(path, "rb")
    except OSError as error:
        raise SentError(f"{path}: cannot be read ({error.strerror})") from None


def _json(place: str, file: IO[bytes]) -> Iterator[Row]:
    """Yield the objects of JSON Lines, or of one array, which is held in memory as a whole."""
    number = 0
    try:
        for number, line in enumerate(file, start=1):
            line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if number == 1 and line.lstrip()[:1] == b"[":
                rows = _parsed(place, 1, line + file.read())
                yield from (_object(place, number, row) for number, row in enumerate(rows, start=1))
                return
            if line.strip():
                yield _object(place, number, _parsed(place, number, line))
    except DAMAGED as error:
        raise SentError(f"{place}: cannot be read after row {number} ({error}); a cut-off file?") from None


class _DoubledKeyError(Exception):
    """A key that stands twice in one object, where one value would be lost silently."""


def _parsed(place: str, number: int, line: bytes) -> Any:
    where = f"{place}: row {number}"
    try:
        return _DECODER.decode(line.decode())
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 text ({error.reason} at byte {error.start})"
        raise SentError(f"{where} {problem}; save the file as UTF-8") from None
    except _DoubledKeyError as error:
        raise SentError(f"{where} has the key '{error}' twice in one object; give it once") from None
    except (
        ValueError,
        RecursionError,
    ) as error:  # not JSON, nested too deep, or a number of thousands of digits
        start = line[:80].decode(errors="replace").strip()
        raise SentError(
            f"{where} is not JSON ({error}); expected one object a line, or an array of them, and this one may have "
            f"been cut off: {start!r}"
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _DoubledKeyError(next(name for name in names if names.count(name) > 1))
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_once)


def _object(place: str, number: int, found: Any) -> Row:
    if not isinstance(found, dict):
        raise SentError(
            f"{place}: row {number} holds a {type(found).__name__}; expected one JSON object a line, or an array of them"
        )
    return Row(place, number, found)


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            _refuse_doubled(path, file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=1000):
                for row in batch.to_pylist():
                    number += 1
                    yield Row(str(path), number, row)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        after = f" after row {number}" if number else ""
        raise SentError(f"{path}: not a readable Parquet file{after} ({error})") from None


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(2**31 - 1)
    tabs = ".tsv" in path.name.lower()
    number = 0
    with _open(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, strict=True, dialect="excel-tab" if tabs else "excel")
        try:
            _refuse_doubled(path, list(reader.fieldnames or []))
            for number, row in enumerate(reader, start=1):
                if None in row:
                    raise SentError(f"{path}: row {number} has more values than the header has columns")
                yield Row(str(path), number, row)
        except UnicodeDecodeError as error:
            raise SentError(f"{path}: is not UTF-8 text after row {number} ({error.reason})") from None
        except csv.Error as error:
            raise SentError(f"{path}: line {reader.line_num} is not CSV ({error})") from None
        except DAMAGED as error:
            raise SentError(f"{path}: cannot be read after row {number} ({error}); a cut-off file?") from None


def _refuse_doubled(path: Path, names: list[str]) -> None:
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise SentError(f"{path}: has the column '{doubled[0]}' twice; give every column a name of its own")

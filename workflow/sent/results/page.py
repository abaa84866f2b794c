"""A page of Markdown whose tables are what the queries before them find, and whose figures come from the same databases."""

import re
import shutil
from pathlib import Path

from duckdb import DuckDBPyConnection

from sent import tables
from sent.errors import SentError
from sent.log import logger
from sent.results import printing, reading

QUERY = re.compile(
    r"^```sql\n(?P<query>.*?)^```\n(?:\n|\Z)(?P<table>(?:\|[^\n]*\n)*)", re.MULTILINE | re.DOTALL
)
"""A block of SQL, and the table below it; none yet where the page is new."""

PICTURE = re.compile(r"\]\((?P<file>pictures/(?P<experiment>\w+)/(?P<figure>\w+)\.svg)\)")
"""A figure of an experiment, in the folder `pictures` beside the page."""


def update(page: Path, databases: Path) -> None:
    """Write the table below every query of ``page`` anew, and copy the figures that it shows.

    ``databases`` is a folder of experiments with their `results.duckdb` and `figures/`; queries name an experiment's tables as
    in ``sweep.probe``. Raises :class:`SentError` where a query fails or a figure is missing; then nothing is changed.
    """
    text = page.read_text(encoding="utf-8")
    pictures = {
        page.parent / found["file"]: databases / found["experiment"] / "figures" / f"{found['figure']}.svg"
        for found in PICTURE.finditer(text)
    }
    write(page, with_tables(text, databases), pictures)
    logger.info("%s: %d tables, %d figures", page, len(QUERY.findall(text)), len(pictures))


def write(page: Path, text: str, pictures: dict[Path, Path]) -> None:
    """Write ``text`` to ``page``, and the ``pictures`` that it shows: each copy, with the figure that it is of.

    Raises :class:`SentError` where a figure is missing; then nothing is changed.
    """
    if missing := [str(figure) for figure in pictures.values() if not figure.is_file()]:
        raise SentError(f"{page} shows {missing[0]}: no such figure; make it with `sent results figures`")
    for copy, figure in pictures.items():
        with tables.atomic(copy) as temporary:
            shutil.copyfile(figure, temporary)
    with tables.atomic(page) as temporary:
        temporary.write_text(text, encoding="utf-8")


def with_tables(text: str, databases: Path) -> str:
    """Return the page ``text`` with the table below every query written anew."""
    found = reading.find(databases)
    with reading.attach(found, reading.choose(found, None, databases)) as connection:
        return QUERY.sub(lambda block: _answered(connection, block), text)


def _answered(connection: DuckDBPyConnection, block: re.Match[str]) -> str:
    rows = reading.query(connection, block["query"])
    after = "" if block["table"] else "\n"
    return f"```sql\n{block['query']}```\n\n{printing.rows(rows, 'markdown', len(rows))}\n{after}"

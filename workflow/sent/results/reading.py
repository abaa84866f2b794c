"""Open databases of experiments for reading."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pandas as pd
from duckdb import DuckDBPyConnection

from sent.errors import SentError, nearest
from sent.log import logger
from sent.results.queries import run

NAME = "results.duckdb"


def connect(database: Path) -> DuckDBPyConnection:
    """Open one experiment's database read-only. Raises :class:`SentError` if it is none."""
    if not database.is_file():
        raise SentError(f"{database}: no such file; make it with `snakemake results`")
    try:
        return duckdb.connect(database, read_only=True)
    except duckdb.Error as error:
        raise SentError(
            f"{database}: not a database of results ({error}); delete it and run `snakemake results`"
        ) from None


def find(results: Path) -> dict[str, Path]:
    """Return the databases below ``results`` by experiment, the newest first."""
    found = sorted(results.glob(f"*/{NAME}"), key=lambda path: (-path.stat().st_mtime, path))
    return {path.parent.name: path for path in found}


def attach(databases: dict[str, Path], main: str | None) -> DuckDBPyConnection:
    """Return a connection that can only read, with every database attached under its experiment's name.

    ``main`` is the experiment whose tables need no prefix. Without it every table and view is there once,
    over all experiments, with a first column `experiment`.
    """
    connection = duckdb.connect()
    attached: list[str] = []
    for name, path in sorted(databases.items(), key=lambda item: item[0] != main):
        if twins := [other for other in attached if other.casefold() == name.casefold()]:
            logger.warning("%s: left out, its name differs only in capitals from %s", path, twins[0])
            continue
        try:
            connection.execute(f"ATTACH {_text(str(path))} AS {_name(name)} (READ_ONLY)")
            attached.append(name)
        except duckdb.Error as error:
            if name == main:
                raise SentError(
                    f"{path}: not a database of results ({error}); run `snakemake results` again"
                ) from None
            logger.warning("%s: left out, not a database of results (%s)", path, error)
    if main is None:
        _unite(connection, attached)
    else:
        connection.execute(f"USE {_name(main)}")
    return run(connection, "lock")


def _unite(connection: DuckDBPyConnection, experiments: list[str]) -> None:
    """Make a view over all experiments of every table and view that they have."""
    relations: dict[str, list[str]] = {}
    for experiment, name in run(connection, "select_relations").fetchall():
        relations.setdefault(name, []).append(experiment)
    for name, owners in relations.items():
        parts = [
            f"SELECT {_text(o)} AS experiment, relation.* FROM {_name(o)}.{_name(name)} AS relation"
            for o in sorted(owners, key=experiments.index)
        ]
        connection.execute(f"CREATE VIEW {_name(name)} AS {' UNION ALL BY NAME '.join(parts)}")


def _name(value: str) -> str:
    """Quote a name for the few statements that take no parameters."""
    return '"' + value.replace('"', '""') + '"'


def _text(value: str) -> str:
    """Quote a text for them."""
    return "'" + value.replace("'", "''") + "'"


def choose(databases: dict[str, Path], experiment: str | None, results: Path) -> str:
    """Return the experiment to query: the one asked for, or the one with the newest database."""
    if not databases:
        raise SentError(f"{results}: no experiment has a {NAME} there; make one with `snakemake results`")
    if experiment is None:
        return next(iter(databases))
    if experiment not in databases:
        raise SentError(
            f"{results}: no database of experiment '{experiment}'{nearest(experiment, databases)}"
        )
    return experiment


def query(connection: DuckDBPyConnection, sql: str | None) -> pd.DataFrame:
    """Return the rows of a user's query as Python's own values; without one, the relations and their columns.

    Integers of any size stay exact. Ctrl-C ends a query at work. Raises :class:`SentError` with DuckDB's own words in
    one line.
    """
    if sql is None:
        return run(connection, "select_columns").df()
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(_ask, connection, sql)
        try:
            return asked.result()
        except KeyboardInterrupt:  # which DuckDB, at work in this thread, would not notice
            connection.interrupt()
            raise


def _ask(connection: DuckDBPyConnection, sql: str) -> pd.DataFrame:
    try:
        if not connection.extract_statements(sql):
            raise SentError('an empty query; ask as in python -m sent sql "SELECT * FROM leaderboard"')
        asked = connection.execute(sql)
        names = [column[0] for column in asked.description]
        doubled = [
            f"{name}_{names[:i].count(name)}" if name in names[:i] else name for i, name in enumerate(names)
        ]
        return pd.DataFrame(asked.fetchall(), columns=doubled, dtype=object)
    except duckdb.Error as error:
        raise SentError(
            f"{_one_line(error)} (tables and columns: python -m sent sql, without a query)"
        ) from None


def _one_line(error: duckdb.Error) -> str:
    """DuckDB's message without the picture of the query below it, but with the number of the line."""
    words, _, place = str(error).partition("\nLINE ")
    line = f" in line {place.partition(':')[0]}" if place else ""
    return " ".join(words.split()) + line

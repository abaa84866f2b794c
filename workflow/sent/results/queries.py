"""Run SQL: a statement of one line where it is used, longer ones from ``sql/*.sql``."""

from functools import cache
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

FOLDER = Path(__file__).parent / "sql"


@cache
def text(query: str) -> str:
    """Return the SQL of a query: itself, or that of ``sql/{query}.sql`` where it is only a name."""
    return query if " " in query else (FOLDER / f"{query}.sql").read_text(encoding="utf-8")


def run(connection: DuckDBPyConnection, query: str, /, **parameters: object) -> DuckDBPyConnection:
    """Run every statement of a query (see :func:`text`); return the connection, which holds the last one's rows.

    A statement gets those of ``parameters`` that it names as ``$parameter``.
    """
    for statement in connection.extract_statements(text(query)):
        connection.execute(statement, {key: parameters[key] for key in statement.named_parameters})
    return connection


def frame(connection: DuckDBPyConnection, query: str, /, **parameters: object) -> Any:
    """Return the rows of a query as a pandas frame; which columns it has, and of what types, the query alone says."""
    return run(connection, query, **parameters).df()

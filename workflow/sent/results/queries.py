"""Run the statements of ``sql/*.sql``: all SQL of the project stands there."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "sql"


@cache
def text(name: str) -> str:
    """Return the text of ``sql/{name}.sql``."""
    return (FOLDER / f"{name}.sql").read_text()


def run(connection, name: str, /, **parameters):
    """Run every statement of ``sql/{name}.sql`` and return the connection, which holds the last one's rows.

    A statement gets those of ``parameters`` that it names as ``$parameter``.
    """
    for statement in connection.extract_statements(text(name)):
        connection.execute(statement, {key: parameters[key] for key in statement.named_parameters})
    return connection


def frame(connection, name: str, /, **parameters):
    """Return the rows of ``sql/{name}.sql`` as a pandas frame."""
    return run(connection, name, **parameters).df()


def execute(connection, name: str, /, **quoted: str):
    """Run ``sql/{name}.sql`` with its ``{fields}`` filled in by quoted names and texts."""
    return connection.execute(text(name).format(**quoted))


def quote(value: str, mark: str) -> str:
    """Quote a name (``mark`` is ``"``) or a text (``'``) for the few statements that take no parameters."""
    return mark + value.replace(mark, mark * 2) + mark

"""The pages about the database: every query runs, every table, view and column is named."""

import re
from pathlib import Path

import pytest
from sent.results import reading

DOCS = Path(__file__).resolve().parents[2] / "docs"
QUERIES = re.findall(r"```sql\n(.*?)```", (DOCS / "sql.md").read_text(), flags=re.S)
EMPTY = {"vs_paper", "overlap", "subset = 'clean'", "n_correct) = 0"}
"""What the small experiment has no rows for: no published model, no overlap, every question is solved."""


@pytest.fixture(scope="module")
def connection(finished):
    """The small experiment as `sent sql` opens it."""
    with reading.attach({"toy": finished / "results.duckdb"}, "toy") as opened:
        yield opened


def test_there_are_twenty_or_more():
    assert len(QUERIES) >= 20


@pytest.mark.parametrize("query", QUERIES, ids=[f"query{i}" for i in range(1, len(QUERIES) + 1)])
def test_queries_answer(connection, query):
    rows = reading.query(connection, query)
    assert len(rows.columns) >= 1
    if not any(text in query for text in EMPTY):
        assert len(rows) > 0


def test_the_lines_of_counts_by_hand(connection):
    # base solves sums 1, 3, 4 and products 2; grpo sums 1, 3, 4 and products 1, 2: on both models, for seed 0.
    rows = reading.query(connection, QUERIES[4])
    assert rows.values.tolist() == [
        ["large", "products", 1, 0],
        ["large", "sums", 0, 0],
        ["small", "products", 1, 0],
        ["small", "sums", 0, 0],
    ]


def test_every_table_view_and_column_is_named(connection):
    page = (DOCS / "database.md").read_text()
    named = set(re.findall(r"`(\w+)`", page))
    relations = connection.execute(
        "SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views() WHERE NOT internal"
    ).fetchall()
    assert {name for (name,) in relations} <= named
    columns = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE table_name IN (SELECT table_name FROM duckdb_tables())"
    )
    logged = {"loss", "share_beta_high", "step_tokens"}
    assert {name for (name,) in columns.fetchall()} - logged <= named

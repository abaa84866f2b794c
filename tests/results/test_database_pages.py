"""The pages about the database: every query runs, every table, view and column is named."""

import re
from pathlib import Path

import pytest
from sent.results import reading

DOCS = Path(__file__).resolve().parents[2] / "docs"
QUERIES = re.findall(r"```sql\n(.*?)```", (DOCS / "sql.md").read_text(), flags=re.S)
EMPTY = {"vs_published", "overlap", "subset = 'clean'", "n_correct) = 0"}
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


def answer(connection, number: int) -> list[list]:
    """The rows of a numbered question of the page."""
    return reading.query(connection, QUERIES[number - 1]).values.tolist()


def test_who_leads(connection):
    rows = answer(connection, 1)
    # avg@4 of sums and products: 10/16 and 4/8, 7/16 and 3/8, 4/16 and 1/8.
    assert [row for row in rows if row[:2] == ["small", "avg@4"]] == [
        ["small", "avg@4", "sent", 56.3],
        ["small", "avg@4", "grpo", 40.6],
        ["small", "avg@4", "base", 18.8],
    ]


def test_wins_and_ties(connection):
    # Two models, two benchmarks. base: -1/4, 0, -1/4, -1/4 and -1/4, -1/4; no resample of four is likely to be all 0.
    # sent: 2/4, 1/4, 0, 0 and 0, 1/4: one is.
    assert [row for row in answer(connection, 3) if row[0] == "avg@4"] == [
        ["avg@4", "base", 0, 4, 0],
        ["avg@4", "sent", 0, 0, 4],
    ]


def test_questions_gained_and_lost(connection):
    # base solves sums 1, 3, 4 and products 2; grpo sums 1, 3, 4 and products 1, 2: on both models, for seed 0.
    assert answer(connection, 5) == [
        ["large", "products", 1, 0],
        ["large", "sums", 0, 0],
        ["small", "products", 1, 0],
        ["small", "sums", 0, 0],
    ]


def test_what_only_one_method_solves(connection):
    # The fourth response of sent to sums-1: two models, two seeds.
    assert answer(connection, 7) == [["sent", 2, 4]]


def test_low_entropy_is_easy(connection):
    # Entropies 1.386, 1.040, 0.562, 0 against accuracies 1/4, 2/4, 3/4, 1.
    assert answer(connection, 12) == [["large", -0.99, 0], ["small", -0.99, 0]]


def test_pass_at_4_of_everything(connection):
    rows = {tuple(row[:3]): row[3] for row in answer(connection, 21)}
    assert rows["small", "base", "sums"] == 75.0 and rows["small", "sent", "sums"] == 100.0


def test_where_the_time_goes(connection):
    assert answer(connection, 22) == [["training", 1, 13.0, 346.0]]


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

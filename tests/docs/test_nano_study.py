"""The tables of docs/nano-study.md are what its queries find in what was measured."""

import re
from pathlib import Path

import duckdb
import pytest
from sent.results import printing

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(
    r"^```sql\n(.*?)^```\n\n(\|.*?)\n\n", (ROOT / "docs/nano-study.md").read_text(), re.M | re.S
)


@pytest.mark.parametrize(("query", "table"), BLOCKS)
def test_each_table_is_what_the_query_before_it_finds(query, table, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert printing.rows(duckdb.sql(query).df(), "markdown", 1000) == table


def test_the_page_has_a_table():
    assert BLOCKS

"""Keys and relations of the database, as docs/database.md draws them: no key twice, no row without its parent."""

import json
import re
from pathlib import Path

import duckdb
import pytest
from sent import tables
from sent.errors import SentError
from sent.experiment import read
from sent.results import database as database_module

PAGE = (Path(__file__).resolve().parents[2] / "docs/database.md").read_text()
KEYS = {
    row[1]: re.findall(r"\*\*`(\w+)`\*\*", row[2])
    for row in re.finditer(r"(?m)^\| `(\w+)` \| [^|]* \| (\*\*.*|.*\*\*`.*) \|$", PAGE)
}
RELATIONS = re.findall(r'(?m)^    (\w+) [|}][|o]--[|o][|{] (\w+) : "(.*)"$', PAGE)


@pytest.fixture(scope="module")
def connection(finished):
    """The small experiment's database."""
    with duckdb.connect(finished / "results.duckdb", read_only=True) as opened:
        yield opened


def condition(columns: str) -> str:
    """The join of a parent `p` and a child `c` on columns such as ``dataset = benchmark, question_id``."""
    parts = [part.strip().split(" = ") for part in columns.split(",")]
    return " AND ".join(
        f"p.{names[0]} IS NOT DISTINCT FROM {names[-1] if chr(39) in names[-1] else 'c.' + names[-1]}"
        for names in parts
    )


def orphans(connection, parent: str, child: str, columns: str) -> int:
    sql = (
        f"SELECT count(*) FROM {child} AS c WHERE NOT EXISTS (FROM {parent} AS p WHERE {condition(columns)})"
    )
    return connection.execute(sql).fetchone()[0]


def test_every_table_has_a_key_and_every_relation_is_read(connection):
    tables_there = {
        name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    }
    assert set(KEYS) == tables_there and all(KEYS.values())
    assert len(RELATIONS) == len(re.findall(r"(?m)^    \w+ .*--.* \w+ :", PAGE)) >= 20
    for parent, child, _ in RELATIONS:
        assert {parent, child} <= tables_there


@pytest.mark.parametrize("table", KEYS)
def test_keys_are_unique(connection, table):
    key = ", ".join(f'"{name}"' for name in KEYS[table])
    assert connection.execute(f"SELECT {key} FROM {table} GROUP BY ALL HAVING count(*) > 1").fetchall() == []


@pytest.mark.parametrize(("parent", "child", "columns"), RELATIONS)
def test_no_row_without_its_parent(connection, parent, child, columns):
    assert orphans(connection, parent, child, columns) == 0


@pytest.mark.parametrize(
    ("parent", "child", "columns"), [r for r in RELATIONS if r[1] not in ("overlap", "calibration")]
)
def test_the_check_finds_orphans(connection, parent, child, columns):
    """Without its parents every row is an orphan: the check above looks at rows."""
    rows = connection.execute(f"SELECT count(*) FROM {child}").fetchone()[0]
    nobody = f"(SELECT * FROM {parent} WHERE false)"
    assert orphans(connection, nobody, child, columns) == rows > 0


@pytest.mark.parametrize("stage", ["samples", "verdicts", "clusters", "semantic_entropy", "curriculum"])
def test_rows_that_are_there_twice_are_refused(toy, experiment, stage):
    path = toy / (f"{stage}/small/pass_rate.parquet" if stage == "curriculum" else f"{stage}/small.parquet")
    data = tables.read(path)
    tables.write(path, data.take([*range(len(data)), 1]))
    with pytest.raises(SentError, match=rf"(?s)there more than once.*{stage} +small"):
        database_module.build(toy, read(json.dumps(experiment)), toy / "results.duckdb")


def test_pairs_judged_for_unknown_questions_are_refused(toy, experiment):
    pair = {"question_id": "t99", "premise": "1", "hypothesis": "2", "math_verify": False, "label": "neutral"}
    tables.write(toy / "calibration/small.parquet", tables.table(tables.CALIBRATION, [pair]))
    with pytest.raises(SentError, match=r"(?s)earlier stage.*calibration +semantic_entropy +small +t99"):
        database_module.build(toy, read(json.dumps(experiment)), toy / "results.duckdb")


def test_readers_go_on_while_a_new_one_is_built(toy, experiment):
    """A reader keeps the database that it opened; who opens it later sees the new one."""
    path = toy / "results.duckdb"
    count = "SELECT count(*) FROM responses"
    with duckdb.connect(path, read_only=True) as reader:
        before = reader.execute(count).fetchone()
        database_module.build(toy, read(json.dumps(experiment | {"models": ["small"]})), path)
        assert reader.execute(count).fetchone() == before
    with duckdb.connect(path, read_only=True) as later:
        assert later.execute(count).fetchone() == (before[0] // 2,)

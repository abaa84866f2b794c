"""The experiments of docs/getting_started.md are valid, and its query fits the database."""

import re
from pathlib import Path

import duckdb
import yaml
from sent.experiment import load

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "getting_started.md").read_text()


def test_experiments_load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "questions.jsonl").write_text('{"question": "1 + 1?", "answer": "2"}\n')
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
    assert [load(block).name for block in blocks] == ["mine", "small"]


def test_the_query_fits_the_tables():
    (query,) = re.findall(r'python -m sent sql "(.*?)"', PAGE)
    database = duckdb.connect()
    database.execute((ROOT / "workflow/sent/results/sql/schema.sql").read_text())
    assert database.execute(query).fetchall() == []

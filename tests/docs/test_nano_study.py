"""The page of the nano study says what was measured: its tables are made again from docs/study/ and are equal."""

from pathlib import Path

import pytest
from sent.results import archive, page

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/nano-study.md"
PARTS = sorted(file.parent for file in ROOT.glob("docs/study/*/experiment.parquet"))


@pytest.fixture(scope="module")
def databases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    for part in PARTS:
        archive.unpack([part], folder / part.name / "results.duckdb")
    return folder


def test_every_table_is_what_its_query_finds(databases):
    text = PAGE.read_text(encoding="utf-8")
    blocks = list(page.QUERY.finditer(text))
    assert blocks and all(block["table"].count("\n") > 2 for block in blocks)
    assert page.with_tables(text, databases) == text


def test_every_picture_is_there():
    pictures = [found["file"] for found in page.PICTURE.finditer(PAGE.read_text(encoding="utf-8"))]
    assert pictures and all((PAGE.parent / file).is_file() for file in pictures)


def test_what_was_measured_is_small_and_names_no_machine():
    files = [file for part in PARTS for file in part.glob("*.parquet")]
    assert sum(file.stat().st_size for file in files) < 10e6
    for file in files:
        told = str(archive.tables.read(file).to_pylist())
        assert not any(
            f"'/{place}/" in told or f'"/{place}/' in told for place in ("home", "root", "tmp", "work", "mnt")
        ), file

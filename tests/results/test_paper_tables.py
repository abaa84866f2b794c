"""Tables for papers: what is bold, underlined and a tie, and that the files agree."""

import csv
import re

import pytest
from sent.results import paper_tables


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    """The folder of tables of the small experiment."""
    folder = tmp_path_factory.mktemp("written") / "tables"
    paper_tables.write(finished / "results.duckdb", folder)
    return folder


def test_best_second_and_tie(folder):
    lines = (folder / "avg_at_n.md").read_text().splitlines()
    line = next(line for line in lines if "small" in line and "sums" in line and "avg@4" in line)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:3] == ["small", "sums", "avg@4"]
    assert cells[3].startswith("25.0 [")
    assert cells[4].startswith("<u>43.8</u> [")
    assert cells[5].startswith("**62.5** [")
    # Differences 2/4, 1/4, 0 and 0: the interval of their mean reaches 0.
    assert cells[5].endswith("tie")


def test_latex_compiles_in_form(folder):
    text = (folder / "avg_at_n.tex").read_text()
    assert "\\toprule" in text and "\\bottomrule" in text and "\\textbf{62.5}" in text
    rows = [line for line in text.splitlines() if line.endswith("\\\\")]
    assert {line.count("&") for line in rows} == {5}
    assert not re.search(r"(?<!\\)[_%#]", text.split("\n", 1)[1]), (
        "everything that LaTeX would read is escaped"
    )


def test_csv_has_all_digits_and_unknown_values_are_empty(folder):
    rows = list(csv.DictReader((folder / "pass_at_k.csv").open()))
    by_key = {(r["model"], r["method"], r["benchmark"], r["metric"]): r for r in rows}
    assert float(by_key["small", "grpo", "sums", "pass@2"]["value"]) == pytest.approx(
        (5 / 6 + 0 + 1 + 5 / 6) / 4
    )
    assert by_key["small", "grpo", "sums", "pass@8"]["value"] == ""
    assert rows[0]["model"] == "small" and rows[0]["method"] == "base", "in the order of the experiment"


def test_every_table_in_three_formats(folder):
    names = {path.stem for path in folder.iterdir()}
    assert {
        "pass_at_k",
        "avg_at_n",
        "paired_differences",
        "curriculum",
        "semantic_entropy",
        "training",
    } <= names
    assert {path.name for path in folder.iterdir()} == {
        f"{n}.{s}" for n in names for s in ("md", "csv", "tex")
    }
    assert "vs_paper" not in names, "no published figures for these models"

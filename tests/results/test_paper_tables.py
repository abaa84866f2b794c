"""Tables for papers: what is bold, underlined and a tie, and that the files agree."""

import csv
import re
import shutil
import subprocess

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
    rows = [line for line in text.splitlines() if line.endswith("\\\\") and "multicolumn" not in line]
    assert {line.count("&") for line in rows} == {4}
    assert [line for line in text.splitlines() if "multicolumn" in line] == [
        f"\\multicolumn{{5}}{{l}}{{\\textit{{{model}}}}} \\\\" for model in ("small", "large")
    ], "a block a model"
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert not re.search(r"(?<!\\)[_%#]", body), "everything that LaTeX would read is escaped"
    assert body.count("{") == body.count("}")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex and booktabs")
@pytest.mark.slow
def test_latex_compiles(folder, tmp_path):
    inputs = "\n\n".join(f"\\noindent\\input{{{path}}}" for path in sorted(folder.glob("*.tex")))
    (tmp_path / "page.tex").write_text(
        f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}\\tiny\n{inputs}\n\\end{{document}}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    if "File `booktabs.sty' not found" in done.stdout:
        pytest.skip("needs booktabs")
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "page.pdf").stat().st_size > 10_000


def test_what_latex_would_read_is_escaped():
    assert paper_tables.LATEX.escape("a_b 5% {x} \\ ~^&#$") == (
        "a\\_b 5\\% \\{x\\} \\textbackslash{} \\textasciitilde{}\\textasciicircum{}\\&\\#\\$"
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
    names = {path.stem for path in folder.glob("[!.]*")}
    assert {
        "pass_at_k",
        "avg_at_n",
        "paired_differences",
        "curriculum",
        "semantic_entropy",
        "training",
    } <= names
    assert {path.name for path in folder.glob("[!.]*")} == {
        f"{n}.{s}" for n in names for s in ("md", "csv", "tex")
    }
    assert "vs_published" not in names, "no published figures for these models"

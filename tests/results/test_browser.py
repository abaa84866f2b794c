"""Pages made of hostile texts, as a browser shows them: no script of theirs runs, and no request leaves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from docutils.core import publish_string
from sent.experiment import read
from sent.results import database, figures, paper_tables, report
from sent.semantic_entropy import clusters_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = (
    "</script></style></title><script>window.ran = document.title = 'ran'</script>"
    "<img src='http://leaves.example/x.png' onerror='window.ran = 1'><svg onload='window.ran = 1'></svg>"
    "<iframe srcdoc='<script>parent.ran = 1</script>'></iframe><a href='javascript:window.ran = 1'>a</a>"
    "<link rel=stylesheet href='http://leaves.example/x.css'><!--<script>"
)
LABEL = "<script>window.ran=1</script><img src=//leaves.example/y onerror=window.ran=1> {n}"
WRITTEN = {"question", "text", "response", "extracted", "answer"}
"""Columns of texts that come from outside."""


def browse(*pages: Path) -> dict[str, dict]:
    """What each page did, by its name."""
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "QTWEBENGINE_CHROMIUM_FLAGS": "--no-sandbox",  # Chromium refuses to run as root without
    }
    run = subprocess.run(
        [sys.executable, str(Path(__file__).parents[1] / "browser.py"), *map(str, pages)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return {Path(path).name: found for path, found in json.loads(run.stdout.splitlines()[-1]).items()}


@pytest.fixture(scope="module")
def pages(finished, tmp_path_factory, toy_settings, snakemakes_report) -> dict[str, dict]:
    """Report, clusters page, figures and Snakemake's own report of a run whose every text is hostile."""
    pytest.importorskip("PySide6.QtWebEngineCore", exc_type=ImportError)
    root = tmp_path_factory.mktemp("hostile") / "results" / "toy"
    for path in finished.rglob("*"):
        to = root / path.relative_to(finished)
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            # Questions that share so much text with training would be left out of the benchmarks.
            for name in () if "benchmarks" in path.parts else WRITTEN & set(table.column_names):
                texts = [None if text is None else f"{HOSTILE} {text}" for text in table[name].to_pylist()]
                table = table.set_column(table.schema.get_field_index(name), name, pa.array(texts))
            to.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, to, write_page_checksum=True)
        elif path.is_file() and path.suffix != ".duckdb":
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(path.read_bytes())
    number = 0
    for kind in ("models", "methods", "benchmarks"):
        for entry in toy_settings["registry"][kind].values():
            number += 1
            entry["label"] = LABEL.format(n=number)
    built = root / "results.duckdb"
    database.build(root, read(json.dumps(toy_settings)), built)
    paper_tables.write(built, root / "tables")
    figures.write(built, root / "figures")
    report.write(built, root / "tables", root / "figures", root / "report.html", root / "report.rst")
    clusters_page.write(
        root / "clusters.html",
        *(root / f"{name}.parquet" for name in ("data/train", "samples/small", "verdicts/small")),
        *(root / f"{name}/small.parquet" for name in ("clusters", "semantic_entropy")),
    )
    opening = root / "opening.html"
    opening.write_bytes(publish_string((root / "report.rst").read_text(), writer="html5"))
    control = root / "control.html"
    control.write_text(f"<title>control</title><p>{HOSTILE}")
    drawn = sorted((root / "figures").glob("*.svg"))
    assert len(drawn) > 5
    own = snakemakes_report(root, toy_settings)
    return browse(control, root / "report.html", root / "clusters.html", opening, own, *drawn)


def test_the_browser_would_notice(pages):
    control = pages["control.html"]
    assert control["ran"] is not None
    assert "http://leaves.example/x.png" in control["requests"]
    assert "javascript:window.ran = 1" in control["links"]


def test_no_script_runs_and_no_request_leaves(pages):
    assert len(pages) > 8
    for name, page in pages.items():
        if name != "control.html":
            assert page["ran"] is None and page["title"] != "ran", name
            assert page["requests"] == [] and page["frames"] == 0, name
            assert not [link for link in page["links"] if link and link.lower().startswith("javascript:")], (
                name
            )


def test_the_texts_are_there_as_texts(pages):
    for name in ("report.html", "clusters.html"):
        assert HOSTILE in pages[name]["text"], name
    for name in ("report.html", "opening.html", "heat_map.svg"):
        assert LABEL.partition("<img")[0] in pages[name]["text"], name


def test_figures_of_the_report_are_drawn_for_all_that(pages):
    assert pages["report.html"]["drawn"] >= 5

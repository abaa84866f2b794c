"""The report: whole, offline, and with the run's own values."""

import re
from html.parser import HTMLParser

import pytest
from sent.results import figures, paper_tables, report


@pytest.fixture(scope="module")
def page(finished, tmp_path_factory):
    """The report of the small experiment with one figure."""
    folder = tmp_path_factory.mktemp("report")
    paper_tables.write(finished / "results.duckdb", folder / "tables")
    (folder / "figures").mkdir()
    drawn = figures.draw(finished / "results.duckdb")["pass_at_k"]
    drawn.chart.save(folder / "figures/pass_at_k.svg")
    (folder / "figures/pass_at_k.json").write_text(drawn.chart.to_json())
    (folder / "figures/pass_at_k.txt").write_text("A caption with <b>signs</b> & more")
    report.write(finished / "results.duckdb", folder / "tables", folder / "figures", folder / "report.html")
    return (folder / "report.html").read_text()


def test_it_needs_no_network(page):
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert "@import" not in page and "import(" not in page and not re.search(r"^import ", page, flags=re.M)
    assert page.count("data:image/svg+xml;base64,") == 1


def test_figures_are_interactive(page):
    assert "document.getElementById(" in page
    assert re.search(r'pass_at_k"?:\s*\{.{0,4000}"?\$schema', page, flags=re.S)
    assert page.count("<script") == page.count("</script>") == 1


def test_it_is_well_formed(page):
    class Balance(HTMLParser):
        void = frozenset({"meta", "img", "br"})

        def __init__(self):
            super().__init__()
            self.open = []

        def handle_starttag(self, tag, attrs):
            if tag not in self.void:
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.open == []


def test_it_tells_the_numbers_of_the_run(page):
    assert "sent reaches 56.2% avg@4 (+15.6 points to grpo" in page
    assert "with 4 responses a question" in page
    assert "2 seeds" in page and "2 stages" in page
    assert "<b>56.2</b>" in page
    assert "duckdb" in page and "training" in page


def test_texts_are_escaped(page):
    assert "A caption with &lt;b&gt;signs&lt;/b&gt; &amp; more" in page


def test_tables_are_linked_beside_the_report(page):
    assert 'href="tables/pass_at_k.tex"' in page

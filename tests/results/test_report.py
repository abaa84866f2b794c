"""The report: whole, offline, and with the run's own values."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pandas as pd
import pytest
from docutils.core import publish_parts
from sent.experiment import load, read
from sent.results import database, description, figures, paper_tables, prose, report


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


def test_answers_over_training_are_the_models_words_and_inert(page):
    section = page[page.index('id="rollouts"') : page.index('id="methods"')]
    assert re.findall(r"<summary>(.*?) <small>\(gold answer (\d)\)", section) == [
        ("What is 0 + 0?", "0"),
        ("What is 1 + 1?", "2"),
        ("What is 2 + 2?", "4"),
    ]
    assert "<script>alert" not in section and "\x1b[31m" in section
    first, *_ = section.split("</details>")
    shown = re.findall(
        r"<td>(\w+)</td><td>(\w+)</td><td>(\d+)</td><td>wrong</td><td>0</td><td>-0.50</td>", first
    )
    # Of six steps the first, the third and the last; sent's second stage begins at step 4.
    assert shown == [
        (m, name, step) for m in ("large", "small") for name in ("grpo", "sent") for step in "136"
    ]
    assert first.count("&lt;script&gt;alert(3)&lt;/script&gt;") == 6


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
    assert re.search(r"sent reaches 56\.2% \[[\d., ]+\] avg@4 \(\+15\.6 points to grpo", page)
    assert "means over 2 benchmarks (6 questions) and 2 training seeds." in page
    # Of 6 steps the first and the last: grpo's entropies are 1, 1/2, ..., 1/6, sent's 1, 1/2, 1/3 in each of two stages.
    assert "token entropy of small moves from 1.00 to 0.17 with grpo, from 1.00 to 0.33 with sent." in page
    assert "(16 responses to 4 questions) is, in nats, 0.75 for small, 0.75 for large." in page
    assert "with 4 responses a question" in page
    assert "2 seeds" in page and "2 stages" in page
    assert "<b>56.2</b>" in page
    assert "duckdb" in page and "training" in page


def test_what_methods_share_and_what_is_set_for_one_alone_is_told():
    """The paragraph on methods names every exception with its value."""
    own = {
        "kept": {"clip_high": 0.28, "keeps": ["clip_high", "aggregation"]},
        "tuned": {"label": "Tuned", "training": {"lr": 0.5, "decoding": {"top_p": 0.9}}},
    }
    experiment = {
        "experiment": "toy",
        "models": ["nano-small"],
        "methods": ["grpo", *own],
        "registry": {"methods": {"grpo": {}, **own}},
        "data": {"train": {"generator": {"families": ["chain"]}}},
        "semantic_entropy": {"entailment": "exact"},
    }

    def told(share: dict) -> list[str]:
        resolved = load({**experiment, "methods_share": share})
        rows = [
            {"label": method.label or name, "settings": method.model_dump_json()}
            for name, method in resolved.methods.items()
        ]
        data = SimpleNamespace(rows=lambda query: pd.DataFrame(rows))
        return prose._recipes(data, resolved.experiment.model_dump(mode="json"))

    alone = "Trained otherwise by Tuned alone: decoding top_p 0.9, lr 0.5."
    assert told({}) == [alone]
    assert told({"clip_high": 0.3, "reference_kl": 0}) == [
        "All methods share clip_high 0.3, reference_kl 0.0.",
        "kept keeps its own clip_high 0.28.",
        alone,
    ]


def test_texts_are_escaped(page):
    assert "A caption with &lt;b&gt;signs&lt;/b&gt; &amp; more" in page


def test_a_label_cannot_end_or_swallow_the_script(tmp_path):
    label = "<!--<script></SCRIPT>"
    (tmp_path / "a.json").write_text(json.dumps({"title": label}))
    script = report._script(tmp_path)
    assert not re.search("<!--|</script", script, flags=re.IGNORECASE)
    assert "<\\!--<script><\\/SCRIPT>" in script


@pytest.mark.parametrize(
    "words",
    [
        "a\n\n.. raw:: html\n\n   <script>alert(1)</script>\n",
        "a\r.. include:: /etc/passwd",
        "`x <javascript:a>`_",
    ],
)
def test_no_directive_begins_in_what_the_run_says(words):
    page = publish_parts(description._plain(words), writer="html5")["html_body"]
    assert "<script" not in page and "<a " not in page and "root:" not in page


def test_tables_are_linked_beside_the_report(page):
    assert 'href="tables/pass_at_k.tex"' in page


def test_the_opening_of_snakemakes_report(finished, tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "tables").mkdir()
    opening = tmp_path / "report.rst"
    report.write(
        finished / "results.duckdb",
        tmp_path / "tables",
        tmp_path / "figures",
        tmp_path / "report.html",
        opening,
    )
    page = publish_parts(jinja2.Template(opening.read_text()).render(), writer="html")["body"]
    assert "system-message" not in page, "reStructuredText without mistakes"
    assert "mailto:" not in page, "avg@4 is no address"
    assert "sent reaches 56.2%" in page and "SE(q) = -sum_k (n_k/N) ln (n_k/N)" in page
    assert "duckdb" in page and "4 responses a question" in page


@pytest.mark.slow
def test_snakemakes_own_report_holds_hostile_labels_as_texts(toy, experiment, snakemakes_report):
    hostile = "<script>window.ran=1</script><img src=x onerror=window.ran=1></script><!--<script>"
    for kind in ("models", "methods", "benchmarks"):
        for number, entry in enumerate(experiment["registry"][kind].values()):
            entry["label"] = f"{hostile} {number}"
    database.build(toy, read(json.dumps(experiment)), toy / "results.duckdb")
    for name in ("tables", "figures"):
        (toy / name).mkdir()
    (toy / "tables/pass_at_k.csv").write_text(f"method,value\n{hostile},1\n")
    (toy / "figures/heat_map.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    report.write(
        toy / "results.duckdb", toy / "tables", toy / "figures", toy / "report.html", toy / "report.rst"
    )
    page = snakemakes_report(toy, experiment).read_text()
    assert "&lt;script&gt;window.ran=1&lt;/script&gt;&lt;img src=x onerror" in page
    assert "<script>window.ran" not in page and "<img src=x" not in page
    assert hostile not in page and "<!--<script>" not in page


def test_names_do_not_become_markup():
    page = publish_parts(description._plain("w/ High_En_ *x* `y` |z|"), writer="html")["body"]
    assert page.strip() == "<p>w/ High_En_ *x* `y` |z|</p>"
    template = "{% raw %}" + description._plain("{% endraw %}{{ config }}") + "{% endraw %}"
    assert jinja2.Template(template).render() == "{ % endraw %}{{ config }}"


@pytest.mark.parametrize("name", ["figures", "tables"])
def test_captions_have_the_values_of_the_config(name):
    """Every figure and table of the run has a caption with numbers from its settings."""
    told = {"seeds": 3, "responses": "32", "samples": "16", "stages": "2", "prompts": "48", "rollouts": "8"}
    text = (Path(__file__).resolve().parents[2] / f"workflow/report/{name}.rst").read_text()
    known = [figure.__name__ for figure in figures.FIGURES] if name == "figures" else ["pass_at_k"]
    for item in known:
        job = SimpleNamespace(
            params=SimpleNamespace(run=told),
            config={"experiment": "toy"},
            wildcards={name.removesuffix("s"): item},
        )
        caption = jinja2.Template(text).render(snakemake=job)
        assert re.search(r"\b(32 responses a|8 responses a step|16 samples a)", caption), caption
        assert "A figure of the experiment" not in caption and "toy" in caption

"""Figures: their data, their colours, and that each is written in every form."""

import xml.etree.ElementTree as ElementTree

import duckdb
import numpy as np
import pytest
from sent.results import figures, style
from sent.results.statistics import exponential_fit


@pytest.fixture(scope="module")
def drawn(finished):
    """All figures of the small experiment."""
    return figures.draw(finished / "results.duckdb")


def test_every_figure_that_has_data_is_drawn(drawn):
    expected = {figure.__name__ for figure in figures.FIGURES} - {"covariance_quantiles"}
    assert set(drawn) == expected, "the small experiment logs no covariances"


def test_figures_are_written_with_captions(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "FIGURES", figures.FIGURES[1:2])
    figures.write(finished / "results.duckdb", tmp_path / "figures")
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "pass_at_k.json",
        "pass_at_k.png",
        "pass_at_k.svg",
        "pass_at_k.txt",
    ]
    ElementTree.parse(tmp_path / "figures/pass_at_k.svg")
    assert (tmp_path / "figures/pass_at_k.png").read_bytes().startswith(b"\x89PNG")
    assert "from 4 responses a question" in (tmp_path / "figures/pass_at_k.txt").read_text()


def test_a_method_has_one_colour_in_every_figure(drawn):
    seen = {}

    def visit(node):
        if isinstance(node, dict):
            scale = node.get("scale")
            if (
                node.get("field") == "Method"
                and isinstance(scale, dict)
                and "range" in scale
                and "domain" in scale
            ):
                for method, value in zip(scale["domain"], scale["range"], strict=True):
                    if isinstance(value, str):
                        seen.setdefault(method, set()).add(value)
            for value in node.values():
                visit(value)
        elif isinstance(node, list):
            for value in node:
                visit(value)

    for figure in drawn.values():
        visit(figure.chart.to_dict())
    assert seen == {m: {style.COLOURS[m]} for m in ("base", "grpo", "sent")}


def test_colours_can_be_told_apart():
    assert len(set(style.COLOURS.values())) == len(style.COLOURS)
    assert style.colours(["mine", "grpo", "other"]) == [
        style.MORE_COLOURS[0],
        "#0072B2",
        style.MORE_COLOURS[1],
    ]


def test_curves_mark_where_a_stage_begins(drawn):
    text = drawn["training_curves"].chart.to_json()
    assert '"total_step": 3.5' in text, "stage 2 of sent follows its third step"
    assert "the band spans 2 training seeds" in drawn["training_curves"].caption


def test_an_empty_experiment_has_no_figures(tmp_path, experiment):
    import json

    from sent.results import database, run_settings

    database.build(tmp_path, run_settings.read(json.dumps(experiment)), tmp_path / "empty.duckdb")
    assert figures.draw(tmp_path / "empty.duckdb") == {}
    with duckdb.connect(tmp_path / "empty.duckdb", read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM questions").fetchone() == (0,)


def test_exponential_fit_finds_its_constants():
    entropy = np.linspace(0.1, 1.0, 30)
    a, b, r2 = exponential_fit(entropy, 0.9 - 0.2 * np.exp(entropy))
    assert (a, b, r2) == pytest.approx((0.2, 0.9, 1.0))
    assert exponential_fit(np.ones(3), np.array([1.0, 2.0, 3.0])) == (0.0, 2.0, 0.0)

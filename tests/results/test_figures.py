"""Figures: their data, their colours, and that each is written in every form."""

import json
import xml.etree.ElementTree as ElementTree
from itertools import combinations

import duckdb
import numpy as np
import pandas as pd
import pytest
import vl_convert
from sent.experiment import read
from sent.results import database as database_module
from sent.results import figures, queries, style
from sent.results.figures import named_points, scores


@pytest.fixture(scope="module")
def drawn(finished):
    """All figures of the small experiment."""
    return figures.draw(finished / "results.duckdb")


def test_every_figure_that_has_data_is_drawn(drawn):
    expected = {figure.__name__ for figure in figures.FIGURES} - {"covariance_quantiles"}
    assert set(drawn) == expected, "the small experiment logs no covariances"


def test_figures_are_written_with_captions(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "FIGURES", [figures.scores.pass_at_k])
    figures.write(finished / "results.duckdb", tmp_path / "figures")
    assert sorted(path.name for path in (tmp_path / "figures").glob("[!.]*")) == [
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


def test_one_model_fits_a_column_and_three_a_page(toy, experiment):
    """Widths in pixels of 1/96 inch: a column of a paper has 3.5 inches, its page 7; nothing is written below 6.5 points."""
    widths = {}
    for models in (["small"], ["small", "large"]):
        settings = read(json.dumps(experiment | {"models": models}))
        database_module.build(toy, settings, toy / "results.duckdb")
        for name, figure in figures.draw(toy / "results.duckdb").items():
            picture = ElementTree.fromstring(vl_convert.vegalite_to_svg(figure.chart.to_dict()))
            widths.setdefault(name, []).append(float(picture.get("width")))
            sizes = {
                float(text.get("font-size").removesuffix("px"))
                for text in picture.iter()
                if text.get("font-size")
            }
            assert not sizes or min(sizes) * 72 / 96 > 6.5, name
    for name, (one, two) in widths.items():
        assert one <= 3.5 * 96, name
        assert two + max(two - one, 0) <= 7 * 96, name


def test_curves_mark_where_a_stage_begins(drawn):
    text = drawn["training_curves"].chart.to_json()
    assert '"total_step": 3.5' in text, "stage 2 of sent follows its third step"
    assert "mean over 2 training seeds; bands span the seeds" in drawn["training_curves"].caption


def test_questions_left_out_of_training_are_called_so_in_the_legend(drawn):
    text = drawn["semantic_entropy_histogram"].chart.to_json()
    assert "datum.value == 0 ? 'left out' : datum.label" in text


def test_an_empty_experiment_has_no_figures(tmp_path, experiment):
    database_module.build(tmp_path, read(json.dumps(experiment)), tmp_path / "empty.duckdb")
    assert figures.draw(tmp_path / "empty.duckdb") == {}
    with duckdb.connect(tmp_path / "empty.duckdb", read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM questions").fetchone() == (0,)


def test_the_fit_finds_its_constants():
    """The view's formula on points that lie on a curve, and on points without spread in entropy."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE entropy_curves AS SELECT 'm' AS model, 'curve' AS method, i / 30 AS entropy, "
            "0.9 - 0.2 * exp(i / 30) AS reward FROM range(1, 31) AS r(i) "
            "UNION ALL SELECT 'm', 'flat', 1.0, i FROM range(3) AS r(i)"
        )
        start = queries.text("views").index("CREATE VIEW entropy_fit")
        connection.execute(queries.text("views")[start:].partition(";")[0])
        curve, flat = connection.execute("SELECT steps, a, b, r2 FROM entropy_fit").fetchall()
    assert curve == pytest.approx((30, 0.2, 0.9, 1.0))
    assert flat == (3, None, None, None)


MACHADO = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""Linear RGB as seen with each deficiency at full severity (Machado, Oliveira and Fernandes, 2009)."""


def lab(colour: str, seen: np.ndarray) -> np.ndarray:
    """CIELAB coordinates (D65) of an sRGB colour, as it is seen."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.clip(seen @ np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4), 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / [0.9505, 1.0, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", MACHADO)
def test_colour_blind_readers_can_tell_methods_apart(vision):
    seen = {name: lab(colour, np.array(MACHADO[vision])) for name, colour in style.COLOURS.items()}
    apart = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in combinations(seen, 2)}
    paper = list(style.COLOURS)[:9]
    assert min(d for pair, d in apart.items() if set(pair) <= set(paper)) > 14
    dashes = dict(zip(seen, style.dashes(list(seen)), strict=True))
    assert [p for p, d in apart.items() if d < 14 and dashes[p[0]] == dashes[p[1]]] == []


def test_more_methods_than_colours_have_their_names_beside_their_points():
    methods = ["base", *(f"method_{number}" for number in range(named_points.MANY))]
    points = pd.DataFrame(
        {"method": methods, "Method": methods, "x": [30.0, *range(50, 59)], "y": [98.0, *range(90, 99)]}
    )
    assert named_points.fit({"small": "Small"}, points)
    assert not named_points.fit({"small": "Small"}, points[1:]), "as many as there are colours"
    assert not named_points.fit({"small": "Small", "large": "Large"}, points)
    figure = scores._named_pareto(points, "avg@64", "pass@64", seeds=3)
    drawn = figure.chart.to_dict()
    named, *names, line = drawn["concat"][0]["layer"]
    assert {layer["encoding"]["text"]["field"] for layer in names} == {"Method"}
    assert line["mark"]["type"] == "rule"
    assert sum(len(drawn["datasets"][layer["data"]["name"]]) for layer in names) == named_points.MANY
    assert named["encoding"]["x"]["scale"]["domain"] == pytest.approx([49.2, 58.8]), (
        "the untrained policy stays outside"
    )
    assert figure.caption == (
        "pass@64 against avg@64, means over the benchmarks and 3 training seeds, a point a method; dashed: the untrained "
        "policy, whose avg@64 is 30.0."
    )


def test_a_name_stands_right_of_its_point_where_it_covers_nothing():
    apart = np.array([[50.0, 50.0], [50.0, 100.0], [50.0, 150.0]])
    assert named_points.places(apart, ["one", "two", "three"]) == [0, 0, 0]
    assert named_points.PLACES[0] == ("left", 5, 0)


def test_a_name_moves_where_it_would_cover_a_point_a_name_or_the_edge():
    def aligned(points: list[list[float]], names: list[str]) -> list[str]:
        return [named_points.PLACES[place].align for place in named_points.places(np.array(points), names)]

    side_by_side = [[100.0, 100.0], [110.0, 100.0]]
    assert aligned(side_by_side, ["first", "second"]) == ["right", "left"], "each away from the other"
    assert aligned([[445.0, 100.0], [100.0, 100.0]], ["at the edge", "free"]) == ["right", "left"]
    crowd = np.array([[200.0, 150.0], [210.0, 150.0], [220.0, 150.0], [230.0, 150.0]])
    names = ["a long name", "another long name", "a third of them", "and the last"]
    boxes = [
        named_points._boxes(point, len(name) * named_points.LETTER)[place]
        for point, name, place in zip(crowd, names, named_points.places(crowd, names), strict=True)
    ]
    for number, box in enumerate(boxes):
        assert named_points._shared(box, np.array(boxes[:number]).reshape(-1, 4)).sum() == 0, names[number]

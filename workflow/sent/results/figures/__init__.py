"""The figures of an experiment: SVG for papers, PNG for slides, a caption beside each."""

import json
from pathlib import Path

from sent import tables
from sent.log import logger
from sent.results.experiment_data import ExperimentData, Figure
from sent.results.figures import entropy, scores, training
from sent.results.reading import connect

FIGURES = (
    training.training_curves,
    training.probe_curves,
    training.probe_pareto,
    scores.pass_at_k,
    scores.paired_differences,
    scores.pareto,
    scores.heat_map,
    scores.pass_at_k_by_benchmark,
    entropy.semantic_entropy_histogram,
    entropy.semantic_entropy_accuracy,
    entropy.cluster_counts,
    entropy.curriculum_correlations,
    training.entropy_performance,
    training.covariance_quantiles,
)
"""In the order of the report. The name of the function is that of the files."""

PNG_SCALE = 3


def draw(database: Path) -> dict[str, Figure]:
    """Return the figures that the experiment has data for, by name."""
    with connect(database) as connection:
        data = ExperimentData(connection)
        drawn = {figure.__name__: figure(data) for figure in FIGURES}
    return {name: figure for name, figure in drawn.items() if figure is not None}


def write(database: Path, folder: Path) -> None:
    """Write ``{name}.svg``, ``.png``, ``.json`` (Vega-Lite) and the caption, ``.txt``, of every figure."""
    import altair as alt
    import vl_convert

    with tables.atomic(folder) as temporary, alt.data_transformers.enable("default", max_rows=None):
        temporary.mkdir()
        found = draw(database)
        for name, figure in found.items():
            specification = figure.chart.to_dict()  # once: a chart's own `save` does it anew for each format
            svg = vl_convert.vegalite_to_svg(specification)
            (temporary / f"{name}.svg").write_text(svg, encoding="utf-8")
            (temporary / f"{name}.png").write_bytes(vl_convert.svg_to_png(svg, scale=PNG_SCALE))
            (temporary / f"{name}.json").write_text(
                json.dumps(specification, sort_keys=True), encoding="utf-8"
            )
            (temporary / f"{name}.txt").write_text(figure.caption + "\n", encoding="utf-8")
    logger.info("%s: %s", folder, ", ".join(found) or "no data for any figure")

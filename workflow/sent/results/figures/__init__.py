"""The figures of an experiment: SVG for papers, PNG for slides, a caption beside each."""

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

    with tables.atomic(folder) as temporary, alt.data_transformers.enable("default", max_rows=None):
        temporary.mkdir()
        found = draw(database)
        for name, figure in found.items():
            figure.chart.save(temporary / f"{name}.svg")
            figure.chart.save(temporary / f"{name}.png", scale_factor=PNG_SCALE)
            (temporary / f"{name}.json").write_text(figure.chart.to_json(indent=None), encoding="utf-8")
            (temporary / f"{name}.txt").write_text(figure.caption + "\n", encoding="utf-8")
    logger.info("%s: %s", folder, ", ".join(found) or "no data for any figure")

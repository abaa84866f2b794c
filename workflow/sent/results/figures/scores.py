"""Figures of what benchmarks say."""

import altair as alt
import pandas as pd

from sent.results import style
from sent.results.experiment_data import ExperimentData, Figure, grid, padded
from sent.results.scores import AVERAGE

CLEAR = 4
"""So many methods or fewer can have intervals as bands in one panel without hiding each other."""


def pass_at_k(data: ExperimentData) -> Figure | None:
    """Pass@k against k, mean over the benchmarks, a panel a model."""
    return _pass_at_k(data, {AVERAGE: ""})


def pass_at_k_by_benchmark(data: ExperimentData) -> Figure | None:
    """Pass@k against k, a row a benchmark."""
    return _pass_at_k(data, data.benchmarks) if len(data.benchmarks) > 1 else None


def _pass_at_k(data: ExperimentData, benchmarks: dict[str, str]) -> Figure | None:
    scores = _scores(data, "pass")
    scores = scores[scores["benchmark"].isin(benchmarks)]
    if scores["k"].nunique() < 2:
        return None
    scores = data.labelled(scores)
    models = data.present(data.models, scores["model"])
    ks = sorted(scores["k"].unique().tolist())
    rows = []
    for row, (benchmark, name) in enumerate(benchmarks.items()):
        here = scores[scores["benchmark"] == benchmark]
        low, high = padded(here["low"].min(), here["high"].max())
        scale = alt.Scale(domain=[low, min(high, 101)], nice=False, zero=False)
        title = f"pass@k (%){', ' + name if name else ''}"
        panels = []
        for column, (model, label) in enumerate(models.items()):
            base = alt.Chart(here[here["model"] == model]).encode(
                x=alt.X(
                    "k:Q",
                    scale=alt.Scale(type="log", base=2),
                    axis=alt.Axis(values=ks, format="d"),
                    title="k" if row == len(benchmarks) - 1 else None,
                ),
                **data.line(scores["method"]),
            )
            y = {"title": title if column == 0 else None, "scale": scale}
            bands = base.mark_area(opacity=0.12).encode(y=alt.Y("low:Q", **y), y2="high:Q")
            lines = base.mark_line(point=True).encode(y=alt.Y("value:Q", **y))
            layers = [bands, lines] if scores["method"].nunique() <= CLEAR else [lines]
            height = 130 if len(benchmarks) == 1 else 80
            panels.append(
                alt.layer(*layers).properties(
                    title=label if row == 0 else "", width=style.PANEL, height=height
                )
            )
        rows.append(panels)
    where = "mean over the benchmarks" if AVERAGE in benchmarks else "by benchmark"
    bands = "; bands: 95% bootstrap intervals over questions" if scores["method"].nunique() <= CLEAR else ""
    return Figure(grid(rows), f"Unbiased pass@k from {_pool(data)} responses a question, {where}{bands}.")


def paired_differences(data: ExperimentData) -> Figure | None:
    """Difference of every trained method to the baseline, with intervals, by benchmark."""
    scores = _scores(data, "avg")
    scores = scores[
        (scores["k"] == scores["k"].max()) & scores["difference"].notna() & (scores["method"] != "base")
    ]
    if scores.empty:
        return None
    scores = data.labelled(scores)
    scores[["difference", "difference_low", "difference_high"]] *= 100
    order = [*data.benchmarks.values(), AVERAGE]
    models = data.present(data.models, scores["model"])
    methods = data.present(data.methods, scores["method"])
    bounds = scores["difference_low"].min(), scores["difference_high"].max()
    scale = alt.Scale(domain=padded(min(bounds[0], 0), max(bounds[1], 0)), nice=False)
    baseline = data.baseline
    panels = []
    for column, (model, label) in enumerate(models.items()):
        base = alt.Chart(scores[scores["model"] == model]).encode(
            y=alt.Y(
                "Benchmark:N",
                sort=order,
                title=None,
                axis=alt.Axis(labels=column == 0, ticks=column == 0),
                scale=alt.Scale(paddingInner=0.15, paddingOuter=0.1),
            ),
            yOffset=alt.YOffset("Method:N", sort=list(methods.values())),
            color=data.colour(scores["method"]),
        )
        title = f"avg@{scores['k'].max()} minus {baseline} (points)" if column == len(models) // 2 else None
        x, low = (alt.X(field, scale=scale, title=title) for field in ("difference:Q", "difference_low:Q"))
        zero = alt.Chart(pd.DataFrame({"difference": [0]})).mark_rule(color="#888888").encode(x=x)
        bars = base.mark_rule(strokeWidth=1.5).encode(x=low, x2="difference_high:Q")
        dots = base.mark_circle(size=35, opacity=1).encode(x=x)
        step = alt.Step(max(8, 16 - len(methods)), **{"for": "offset"})
        panels.append(
            alt.layer(zero, bars, dots).properties(title=label, width=style.PANEL - 10, height=step)
        )
    caption = (
        f"Differences to {baseline} in avg@{scores['k'].max()}, question by question; "
        "bars: 95% bootstrap intervals over questions. An interval that covers 0 is a tie."
    )
    return Figure(grid([panels]), caption)


def heat_map(data: ExperimentData) -> Figure | None:
    """Percent of right answers by benchmark and method, a panel a model."""
    scores = _scores(data, "avg")
    if scores.empty:
        return None
    scores = data.labelled(scores[scores["k"] == scores["k"].max()])
    models = data.present(data.models, scores["model"])
    methods = data.present(data.methods, scores["method"])
    low, high = scores["value"].min(), scores["value"].max()
    columns = [*data.benchmarks.values(), AVERAGE]
    rows = []
    for number, (model, label) in enumerate(models.items()):
        base = alt.Chart(scores[scores["model"] == model]).encode(
            x=alt.X(
                "Benchmark:N",
                sort=columns,
                title=None,
                axis=alt.Axis(labelAngle=-30, labels=number == len(models) - 1, ticks=False),
            ),
            y=alt.Y("Method:N", sort=list(methods.values()), title=None),
        )
        cells = base.mark_rect().encode(
            color=alt.Color(
                "value:Q",
                scale=alt.Scale(scheme="blues", domain=[low, high]),
                legend=None,
            )
        )
        numbers = base.mark_text(fontSize=9).encode(
            text=alt.Text("value:Q", format=".1f"),
            color=alt.condition(
                alt.datum["value"] > low + 0.6 * (high - low), alt.value("white"), alt.value("black")
            ),
        )
        rows.append(
            [
                alt.layer(cells, numbers).properties(
                    title=label, width=46 * len(columns), height=16 * len(methods)
                )
            ]
        )
    return Figure(grid(rows), f"Percent of right answers (avg@{scores['k'].max()}) by benchmark and method.")


def _scores(data: ExperimentData, kind: str) -> pd.DataFrame:
    """Rows of the view `comparison` for metrics of a kind, such as ``avg`` of ``avg@k``, in percent, with their `k`."""
    scores = data.rows("select_comparison")
    scores = scores[(scores["kind"] == kind) & scores["value"].notna()].copy()
    scores[["value", "low", "high"]] *= 100
    return scores


def _pool(data: ExperimentData) -> str:
    """Number of responses a question, as text."""
    sizes = sorted(data.rows("select_pool_sizes")["n"])
    return str(sizes[0]) if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]}"

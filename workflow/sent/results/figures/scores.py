"""Figures of what benchmarks say."""

from typing import Any

import altair as alt
import pandas as pd

from sent.results import printing, style
from sent.results.experiment_data import ExperimentData, Figure, grid, padded
from sent.results.figures import named_points
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
            y: dict[str, Any] = {"title": title if column == 0 else None, "scale": scale}
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
        f"bars: 95% intervals{data.over}. An interval that covers 0 is a tie."
    )
    return Figure(grid([panels]), caption)


def pareto(data: ExperimentData) -> Figure | None:
    """Pass@n and the answers' semantic entropy against avg@n, a point a method: what a better mean costs in variety."""
    scores = data.rows("select_comparison")
    scores = scores[(scores["benchmark"] == AVERAGE) & scores["value"].notna()]
    largest = {kind: scores.loc[scores["kind"] == kind, "k"].max() for kind in ("avg", "pass")}
    mean, reached = (f"{kind}@{k:.0f}" for kind, k in largest.items())
    rows = {reached: 100, "semantic_entropy": 1}
    if scores["method"].nunique() < 2 or not {mean, *rows} <= set(scores["metric"]):
        return None
    wide = scores.pivot(index=["model", "method"], columns="metric", values=["value", "sd_training"])
    points = wide.index.to_frame(index=False).assign(
        **{name: wide["value"][mean].to_numpy() * 100 for name in ("x", "x_low", "x_high")}
    )
    spread = 100 * wide["sd_training"][mean].fillna(0).to_numpy()
    points = data.labelled(points.assign(x_low=points["x"] - spread, x_high=points["x"] + spread))
    models = data.present(data.models, points["model"])
    titles = {reached: f"{reached} (%)", "semantic_entropy": "semantic entropy (nats)"}
    if named_points.fit(models, points):
        points["y"] = 100 * wide["value"][reached].to_numpy()
        return _named_pareto(points, mean, reached, int(scores["seeds"].max()))
    panels = []
    for number, (metric, factor) in enumerate(rows.items()):
        value, sd = (factor * wide[part][metric].fillna(0).to_numpy() for part in ("value", "sd_training"))
        here = points.assign(y=value, y_low=value - sd, y_high=value + sd)
        scales = {
            axis: alt.Scale(
                domain=padded(here[f"{axis}_low"].min(), here[f"{axis}_high"].max()), nice=False, zero=False
            )
            for axis in "xy"
        }
        row = []
        for column, (model, label) in enumerate(models.items()):
            base = alt.Chart(here[here["model"] == model]).encode(color=data.colour(points["method"]))
            x: dict[str, Any] = {"scale": scales["x"], "title": f"{mean} (%)" if number else None}
            y: dict[str, Any] = {"scale": scales["y"], "title": None if column else titles[metric]}
            across = base.mark_rule(strokeWidth=1).encode(
                x=alt.X("x_low:Q", **x), x2="x_high:Q", y=alt.Y("y:Q", **y)
            )
            along = base.mark_rule(strokeWidth=1).encode(
                x=alt.X("x:Q", **x), y=alt.Y("y_low:Q", **y), y2="y_high:Q"
            )
            dots = base.mark_circle(size=45, opacity=1).encode(x=alt.X("x:Q", **x), y=alt.Y("y:Q", **y))
            title = "" if number else label
            row.append(alt.layer(across, along, dots).properties(title=title, width=style.PANEL, height=110))
        panels.append(row)
    seeds = int(scores["seeds"].max())
    bars = "bars: standard deviation over training seeds" if seeds > 1 else "one training seed, hence no bars"
    return Figure(
        grid(panels),
        f"{reached} and the semantic entropy of the answers against {mean}, means over the benchmarks, a point a method; {bars}.",
    )


def _named_pareto(points: pd.DataFrame, mean: str, reached: str, seeds: int) -> Figure:
    """The first row of :func:`pareto` with names; the untrained policy, which is far to the left, as a line."""
    trained, base = points[points["method"] != "base"], points[points["method"] == "base"]
    axes: list[dict[str, Any]] = [
        {
            "shorthand": f"{axis}:Q",
            "title": f"{metric} (%)",
            "scale": alt.Scale(domain=padded(found.min(), found.max(), 0.1), nice=False, zero=False),
        }
        for axis, metric, found in (("x", mean, trained["x"]), ("y", reached, points["y"]))
    ]
    x, y = axes
    line = alt.Chart(base).mark_rule(strokeDash=style.DASHES["base"]).encode(y=alt.Y(**y))
    untrained = (
        f"; dashed: the untrained policy, whose {mean} is {base['x'].iloc[0]:.1f}" if len(base) else ""
    )
    return Figure(
        grid([[named_points.panel(trained, x, y, "Method", line)]]),
        f"{reached} against {mean}, means over the benchmarks and {printing.training_seeds(seeds)}, a point a method{untrained}.",
    )


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

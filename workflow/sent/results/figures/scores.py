"""Figures of what benchmarks say."""

import altair as alt
import pandas as pd

from sent.results import style
from sent.results.figures.canvas import Canvas, Drawn, grid, padded
from sent.results.scores import AVERAGE, BASELINE

CLEAR = 4
"""So many methods or fewer can have intervals as bands in one panel without hiding each other."""


def pass_at_k(canvas: Canvas) -> Drawn | None:
    """Pass@k against k, mean over the benchmarks, a panel a model."""
    return _pass_at_k(canvas, {AVERAGE: ""})


def pass_at_k_by_benchmark(canvas: Canvas) -> Drawn | None:
    """Pass@k against k, a row a benchmark."""
    return _pass_at_k(canvas, canvas.benchmarks) if len(canvas.benchmarks) > 1 else None


def _pass_at_k(canvas: Canvas, benchmarks: dict[str, str]) -> Drawn | None:
    scores = _scores(canvas, "pass")
    scores = scores[scores["benchmark"].isin(benchmarks)]
    if scores["k"].nunique() < 2:
        return None
    scores = canvas.labelled(scores)
    models = canvas.present(canvas.models, scores["model"])
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
                **canvas.line(scores["method"]),
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
    return Drawn(grid(rows), f"Unbiased pass@k from {_pool(canvas)} responses a question, {where}{bands}.")


def paired_differences(canvas: Canvas) -> Drawn | None:
    """Difference of every trained method to the baseline, with intervals, by benchmark."""
    scores = _scores(canvas, "avg")
    scores = scores[
        (scores["k"] == scores["k"].max()) & scores["difference"].notna() & (scores["method"] != "base")
    ]
    if scores.empty:
        return None
    scores = canvas.labelled(scores)
    scores[["difference", "difference_low", "difference_high"]] *= 100
    order = [*canvas.benchmarks.values(), AVERAGE]
    models = canvas.present(canvas.models, scores["model"])
    methods = canvas.present(canvas.methods, scores["method"])
    bounds = scores["difference_low"].min(), scores["difference_high"].max()
    scale = alt.Scale(domain=padded(min(bounds[0], 0), max(bounds[1], 0)), nice=False)
    baseline = canvas.methods.get(BASELINE, BASELINE)
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
            color=canvas.colour(scores["method"]),
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
    return Drawn(grid([panels]), caption)


def heat_map(canvas: Canvas) -> Drawn | None:
    """Percent of right answers by benchmark and method, a panel a model."""
    scores = _scores(canvas, "avg")
    if scores.empty:
        return None
    scores = canvas.labelled(scores[scores["k"] == scores["k"].max()])
    models = canvas.present(canvas.models, scores["model"])
    methods = canvas.present(canvas.methods, scores["method"])
    low, high = scores["value"].min(), scores["value"].max()
    columns = [*canvas.benchmarks.values(), AVERAGE]
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
    return Drawn(grid(rows), f"Percent of right answers (avg@{scores['k'].max()}) by benchmark and method.")


def _scores(canvas: Canvas, kind: str) -> pd.DataFrame:
    """Rows of the view `comparison` for metrics of a kind, such as ``avg`` of ``avg@k``, in percent, with their `k`."""
    scores = canvas.rows("select_comparison")
    scores = scores[(scores["kind"] == kind) & scores["value"].notna()].copy()
    scores[["value", "low", "high"]] *= 100
    return scores


def _pool(canvas: Canvas) -> str:
    """Number of responses a question, as text."""
    sizes = sorted(canvas.rows("select_pool_sizes")["n"])
    return str(sizes[0]) if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]}"

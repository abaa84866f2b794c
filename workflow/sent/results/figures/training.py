"""Figures of training: what changes step by step."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sent.results import printing, style
from sent.results.experiment_data import ExperimentData, Figure, grid, padded, step_axis
from sent.results.figures import named_points

CURVES = {
    "entropy": "token entropy (nats)",
    "reward": "reward",
    "response_tokens": "response length (tokens)",
    "worked_share": "worked solutions (share)",
}
PROBED = {"token_entropy": "token entropy (nats)", "semantic_entropy": "semantic entropy (nats)"}
QUANTILES = {"covariance_p50": "50%", "covariance_p90": "90%", "covariance_p99": "99%"}
WINDOW = 7
"""Steps in the moving average of a curve; fewer where a run has fewer than 12 times as many."""

FEW_FITS = 6
"""So many fits or fewer are written out in a caption."""


def training_curves(data: ExperimentData) -> Figure | None:
    """Entropy, reward, length and share of worked solutions by step, a column a model."""
    steps = data.rows("select_train_metrics")
    metrics = [name for name in CURVES if name in steps and steps[name].notna().any()]
    if not metrics:
        return None
    models = data.present(data.models, steps["model"])
    caption = f"Training curves of {', '.join(models.values())}, {_averaging(steps)}."
    titles = {metric: CURVES[metric] for metric in metrics}
    return _by_step(data, _over_seeds(steps, metrics), _boundaries(steps), titles, caption)


def probe_curves(data: ExperimentData) -> Figure | None:
    """Token entropy, semantic entropy, pass@1 and pass@n of the probe's questions by step, a column a model."""
    asked = data.rows("FROM probe_curves")
    if asked.empty:
        return None
    count, questions = int(asked["n"].max()), int(asked["questions"].max())
    titles = PROBED | {"pass_1": "pass@1", "pass_n": f"pass@{count}"}
    keys = ["model", "method", "step"]
    curves = (
        asked.melt(keys, list(titles), "metric")
        .groupby([*keys, "metric"])["value"]
        .agg(["mean", "min", "max"])
    )
    curves = curves.reset_index().rename(columns={"min": "low", "max": "high", "step": "total_step"})
    curves = curves.assign(step_mean=curves["mean"])
    seeds = asked["seed"].nunique()
    over = f"mean over {seeds} training seeds; bands span the seeds" if seeds > 1 else "one training seed"
    caption = (
        f"The probe over training: {questions} questions held out from it, the same for every method, {count} responses to "
        f"each; {over}."
    )
    return _by_step(data, curves, _boundaries(data.rows("select_train_metrics")), titles, caption)


def probe_pareto(data: ExperimentData) -> Figure | None:
    """Pass@n of the probe's questions against pass@1 at the end of training, a point a method, and of the untrained policy."""
    asked = data.rows("select_probe_ends")
    if asked["method"].nunique() < 2:
        return None
    models = data.present(data.models, asked["model"])
    points = data.labelled(asked)
    scales = {
        axis: alt.Scale(
            domain=padded(points[column].min(), points[column].max(), 0.1), nice=False, zero=False
        )
        for axis, column in (("x", "pass_1"), ("y", "pass_n"))
    }
    panels = []
    for column, (model, label) in enumerate(models.items()):
        here = points[points["model"] == model]
        x: dict[str, Any] = {"shorthand": "pass_1:Q", "title": "pass@1", "scale": scales["x"]}
        y: dict[str, Any] = {
            "shorthand": "pass_n:Q", "title": "pass@n" if column == 0 else None, "scale": scales["y"]
        }  # fmt: skip
        base = alt.Chart(here).encode(x=alt.X(**x), y=alt.Y(**y))
        start = base.transform_filter("datum.step == 0").mark_point(shape="cross", color="#000000", size=60)
        if named_points.fit(models, points):
            chart: alt.LayerChart | alt.FacetChart = named_points.panel(
                here[here["step"] > 0], x, y, "method", start
            )
        else:
            dots = base.transform_filter("datum.step > 0").mark_circle(size=40, opacity=1)
            chart = alt.layer(dots.encode(color=data.colour(points["method"])), start)
            chart = chart.properties(width=style.PANEL, height=style.PANEL)
        panels.append(chart.properties(title=label))
    count, seeds = int(asked["n"].max()), int(asked["seeds"].max())
    caption = (
        f"Probe: pass@n, n = {count}, against pass@1 after the last step "
        f"({'mean over ' if seeds > 1 else ''}{printing.training_seeds(seeds)}), a point a method; "
        "the cross is the untrained policy."
    )
    return Figure(grid([panels]), caption)


def _by_step(
    data: ExperimentData, curves: pd.DataFrame, boundaries: pd.DataFrame, titles: dict[str, str], caption: str
) -> Figure:
    """Curves of the metrics that ``titles`` names, a row each, a column a model."""
    models, curves = data.present(data.models, curves["model"]), data.labelled(curves)
    rows = []
    for number, (metric, title) in enumerate(titles.items()):
        part = curves[curves["metric"] == metric]
        span = part[["low", "high", "step_mean"]].to_numpy()
        domain = padded(np.nanmin(span), np.nanmax(span))
        scale = alt.Scale(domain=domain, nice=False, zero=False)
        rows.append(
            [
                _curves(
                    data,
                    part[part["model"] == model],
                    boundaries[boundaries["model"] == model],
                    x=step_axis("step" if number == len(titles) - 1 else None),
                    y={"title": title if column == 0 else None, "scale": scale},
                ).properties(title="" if number else label, width=style.PANEL, height=95)
                for column, (model, label) in enumerate(models.items())
            ]
        )
    stages = " Dashed vertical lines: the next stage of a curriculum begins." if len(boundaries) else ""
    return Figure(grid(rows), f"{caption}{stages}")


def _averaging(steps: pd.DataFrame) -> str:
    """What a curve averages over, in words."""
    seeds, window = steps["seed"].nunique(), _window(steps)
    smooth = f", moving mean over {window} steps" if window > 1 else ""
    if seeds > 1:
        return f"mean over {seeds} training seeds{smooth}; bands span the seeds"
    return f"one training seed{smooth}{'; faint lines: single steps' if window > 1 else ''}"


def _over_seeds(steps: pd.DataFrame, metrics: list[str]) -> pd.DataFrame:
    """Return smoothed mean, smallest and largest value over seeds by step, and the plain `step_mean`."""
    keys = ["model", "method", "stage", "total_step", "metric"]
    long = steps.melt(keys[:4], metrics, "metric").dropna(subset=["value"])
    curves = long.groupby(keys, sort=False)["value"].agg(["mean", "min", "max"]).reset_index()
    curves = curves.sort_values(keys).rename(columns={"min": "low", "max": "high"})
    curves["step_mean"] = curves["mean"]
    window = _window(steps)
    smooth = curves.groupby(["model", "method", "stage", "metric"], sort=False)
    for column in ("mean", "low", "high"):
        curves[column] = smooth[column].transform(
            lambda v: v.rolling(window, center=True, min_periods=1).mean()
        )
    return curves


def _window(steps: pd.DataFrame) -> int:
    return int(max(1, min(WINDOW, steps["total_step"].max() // 12)))


def _boundaries(steps: pd.DataFrame) -> pd.DataFrame:
    """Return the steps after which a later stage begins."""
    first = steps.groupby(["model", "method", "stage"], as_index=False)["total_step"].min()
    first = first[first["stage"] > 1]
    return first.assign(total_step=first["total_step"] - 0.5)[
        ["model", "stage", "total_step"]
    ].drop_duplicates()


def _curves(
    data: ExperimentData, curves: pd.DataFrame, boundaries: pd.DataFrame, x: alt.X, y: dict[str, Any]
) -> alt.LayerChart | alt.FacetChart:
    """One panel: smoothed lines over the range of the seeds, or over the single steps of one seed."""
    base = alt.Chart(curves).encode(x=x, **data.line(curves["method"]))
    lines = base.mark_line(clip=True).encode(y=alt.Y("mean:Q", **y))
    if np.allclose(curves["low"], curves["high"]):
        behind = base.mark_line(opacity=0.3, strokeWidth=0.7, clip=True).encode(y=alt.Y("step_mean:Q", **y))
    else:
        behind = base.mark_area(opacity=0.18, clip=True).encode(y=alt.Y("low:Q", **y), y2="high:Q")
    rules = alt.Chart(boundaries).mark_rule(color="#888888", strokeDash=[3, 3]).encode(x=x)
    return alt.layer(rules, behind, lines)


def covariance_quantiles(data: ExperimentData) -> Figure | None:
    """Quantiles of the covariance of log-probability and advantage by step."""
    steps = data.rows("select_train_metrics")
    found = [name for name in QUANTILES if name in steps and steps[name].notna().any()]
    if not found:
        return None
    curves = data.labelled(_over_seeds(steps, found))
    models = data.present(data.models, curves["model"])
    scales = {
        metric: alt.Scale(domain=padded(part["mean"].min(), part["mean"].max()), nice=False, zero=False)
        for metric, part in curves.groupby("metric")
    }
    rows = [
        [
            alt.Chart(part)
            .mark_line()
            .encode(
                x=step_axis("step" if number == len(found) - 1 else None),
                y=alt.Y(
                    "mean:Q",
                    title=f"covariance, {QUANTILES[metric]}" if column == 0 else None,
                    axis=alt.Axis(format="~g"),
                    scale=scales[metric],
                ),
                **data.line(curves["method"]),
            )
            .properties(title=label if number == 0 else "", width=style.PANEL, height=80)
            for column, (model, label) in enumerate(models.items())
            for part in [curves[(curves["model"] == model) & (curves["metric"] == metric)]]
        ]
        for number, metric in enumerate(found)
    ]
    caption = (
        "Quantiles over the tokens of a step of the covariance (logp - mean logp)(A - mean A), "
        f"{_averaging(steps).partition(';')[0]}."
    )
    return Figure(grid(rows), caption)


def entropy_performance(data: ExperimentData) -> Figure | None:
    """Reward against token entropy over training, with the fit R = -a exp(H) + b of Cui et al. (2025)."""
    steps = data.rows("select_train_metrics")
    if steps.empty or steps[["entropy", "reward"]].isna().any(axis=None):
        return None
    points = steps.groupby(["model", "method", "total_step"], as_index=False)[["entropy", "reward"]].mean()
    points = data.labelled(points)
    fits = data.rows("SELECT * FROM entropy_fit").dropna()
    models = data.present(data.models, points["model"])
    rewards, entropies = (
        alt.Scale(domain=padded(points[name].min(), points[name].max()), nice=False, zero=False)
        for name in ("reward", "entropy")
    )
    panels = []
    for column, (model, label) in enumerate(models.items()):
        part = points[points["model"] == model]
        x = alt.X("entropy:Q", title="token entropy (nats)", scale=entropies)
        y = alt.Y("reward:Q", title="reward" if column == 0 else None, scale=rewards)
        colour = data.colour(points["method"])
        dots = alt.Chart(part).mark_circle(size=10, opacity=0.35).encode(x=x, y=y, color=colour)
        lines = (
            alt.Chart(data.labelled(_fitted(part, fits[fits["model"] == model])))
            .mark_line(clip=True)
            .encode(x=x, y=y, color=colour)
        )
        panels.append(alt.layer(dots, lines).properties(title=label, width=style.PANEL, height=110))
    caption = (
        "Reward against token entropy, a point a training step, with least-squares fits of "
        f"R = -a exp(H) + b{_fits_in_words(data, fits)}."
    )
    return Figure(grid([panels]), caption)


def _fitted(points: pd.DataFrame, fits: pd.DataFrame) -> pd.DataFrame:
    """Points of the fitted curves, each over the entropies of its method."""
    found: dict[str, list] = {"entropy": [], "reward": [], "method": []}
    for method, a, b in zip(fits["method"], fits["a"], fits["b"], strict=True):
        entropies = points.loc[points["method"] == method, "entropy"]
        line = np.linspace(entropies.min(), entropies.max(), 40)
        found["entropy"] += line.tolist()
        found["reward"] += (b - a * np.exp(line)).tolist()
        found["method"] += [method] * len(line)
    return pd.DataFrame(found)


def _fits_in_words(data: ExperimentData, fits: pd.DataFrame) -> str:
    """Constants of a few fits, or the range of R2 of many: the table `entropy_fit` has them all."""
    if fits.empty:
        return ""
    if len(fits) > FEW_FITS:
        return f"; R2 from {fits['r2'].min():.2f} to {fits['r2'].max():.2f} (constants: table entropy_fit)"
    words = [
        f"{data.models.get(fit.model, fit.model)}, {data.methods.get(fit.method, fit.method)}: "
        f"a = {fit.a:.2f}, b = {fit.b:.2f}, R2 = {fit.r2:.2f}"
        for fit in fits.itertuples()
    ]
    return f". {'; '.join(words)}"

"""Figures of training: what changes step by step."""

import altair as alt
import numpy as np
import pandas as pd

from sent.results import style
from sent.results.figures.canvas import Canvas, Drawn, grid, padded
from sent.results.statistics import exponential_fit

CURVES = {
    "entropy": "token entropy (nats)",
    "reward": "reward",
    "response_tokens": "response length (tokens)",
    "worked_share": "worked solutions (share)",
}
QUANTILES = {"covariance_p50": "50%", "covariance_p90": "90%", "covariance_p99": "99%"}
WINDOW = 7
"""Steps in the moving average of a curve; fewer where a run has fewer than 12 times as many."""


def training_curves(canvas: Canvas) -> Drawn | None:
    """Entropy, reward, length and share of worked solutions by step, a column a model."""
    steps = canvas.rows("select_train_metrics")
    metrics = [name for name in CURVES if name in steps and steps[name].notna().any()]
    if not metrics:
        return None
    models = canvas.present(canvas.models, steps["model"])
    curves = canvas.labelled(_over_seeds(steps, metrics))
    boundaries = _boundaries(steps)
    rows = []
    for metric in metrics:
        part = curves[curves["metric"] == metric]
        scale = alt.Scale(domain=padded(part["low"].min(), part["high"].max()), nice=False, zero=False)
        rows.append(
            [
                _curves(
                    canvas,
                    part[part["model"] == model],
                    boundaries[boundaries["model"] == model],
                    x=alt.X("total_step:Q", title="step" if metric == metrics[-1] else None),
                    y={"title": CURVES[metric] if column == 0 else None, "scale": scale},
                ).properties(title=label if metric == metrics[0] else "", width=style.PANEL, height=95)
                for column, (model, label) in enumerate(models.items())
            ]
        )
    seeds = steps["seed"].nunique()
    band = (
        f"the band spans {seeds} training seeds"
        if seeds > 1
        else "the faint line is the single step (one seed)"
    )
    caption = (
        f"Training curves of {', '.join(models.values())}: mean over {_window(steps)} steps; {band}. "
        "Dashed vertical lines: the next stage of a curriculum begins."
    )
    return Drawn(grid(rows), caption)


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
    canvas: Canvas, curves: pd.DataFrame, boundaries: pd.DataFrame, x: alt.X, y: dict
) -> alt.LayerChart:
    """One panel: smoothed lines over the range of the seeds, or over the single steps of one seed."""
    base = alt.Chart(curves).encode(x=x, color=canvas.colour(curves["method"]))
    lines = base.mark_line(clip=True).encode(y=alt.Y("mean:Q", **y), strokeDash=canvas.dash(curves["method"]))
    if np.allclose(curves["low"], curves["high"]):
        behind = base.mark_line(opacity=0.3, strokeWidth=0.7, clip=True).encode(y=alt.Y("step_mean:Q", **y))
    else:
        behind = base.mark_area(opacity=0.18, clip=True).encode(y=alt.Y("low:Q", **y), y2="high:Q")
    rules = alt.Chart(boundaries).mark_rule(color="#888888", strokeDash=[3, 3]).encode(x=x)
    return alt.layer(rules, behind, lines)


def covariance_quantiles(canvas: Canvas) -> Drawn | None:
    """Quantiles of the covariance of log-probability and advantage by step."""
    steps = canvas.rows("select_train_metrics")
    found = [name for name in QUANTILES if name in steps and steps[name].notna().any()]
    if not found:
        return None
    curves = canvas.labelled(_over_seeds(steps, found))
    models = canvas.present(canvas.models, curves["model"])
    scales = {
        metric: alt.Scale(domain=padded(part["mean"].min(), part["mean"].max()), nice=False, zero=False)
        for metric, part in curves.groupby("metric")
    }
    rows = [
        [
            alt.Chart(part)
            .mark_line()
            .encode(
                x=alt.X("total_step:Q", title="step" if number == len(found) - 1 else None),
                y=alt.Y(
                    "mean:Q",
                    title=f"covariance, {QUANTILES[metric]}" if column == 0 else None,
                    axis=alt.Axis(format="~g"),
                    scale=scales[metric],
                ),
                color=canvas.colour(curves["method"]),
                strokeDash=canvas.dash(curves["method"]),
            )
            .properties(title=label if number == 0 else "", width=style.PANEL, height=80)
            for column, (model, label) in enumerate(models.items())
            for part in [curves[(curves["model"] == model) & (curves["metric"] == metric)]]
        ]
        for number, metric in enumerate(found)
    ]
    caption = (
        "Quantiles over the tokens of a step of the covariance (logp - mean logp)(A - mean A), "
        f"mean over {_window(steps)} steps."
    )
    return Drawn(grid(rows), caption)


def entropy_performance(canvas: Canvas) -> Drawn | None:
    """Reward against token entropy over training, with the fit R = -a exp(H) + b of Cui et al. (2025)."""
    steps = canvas.rows("select_train_metrics")
    if steps.empty or steps[["entropy", "reward"]].isna().any(axis=None):
        return None
    points = steps.groupby(["model", "method", "total_step"], as_index=False)[["entropy", "reward"]].mean()
    points = canvas.labelled(points)
    models = canvas.present(canvas.models, points["model"])
    rewards = alt.Scale(domain=padded(points["reward"].min(), points["reward"].max()), nice=False, zero=False)
    entropies = alt.Scale(
        domain=padded(points["entropy"].min(), points["entropy"].max()), nice=False, zero=False
    )
    panels, qualities = [], []
    for column, (model, label) in enumerate(models.items()):
        part = points[points["model"] == model]
        fits = []
        for method, run in part.groupby("method", sort=False):
            a, b, r2 = exponential_fit(run["entropy"].to_numpy(), run["reward"].to_numpy())
            qualities.append(
                f"{label}, {canvas.methods.get(method, method)}: a = {a:.2f}, b = {b:.2f}, R2 = {r2:.2f}"
            )
            line = np.linspace(run["entropy"].min(), run["entropy"].max(), 40)
            fits.append(pd.DataFrame({"entropy": line, "reward": b - a * np.exp(line), "method": method}))
        x = alt.X("entropy:Q", title="token entropy (nats)", scale=entropies)
        y = alt.Y("reward:Q", title="reward" if column == 0 else None, scale=rewards)
        colour = canvas.colour(part["method"])
        dots = alt.Chart(part).mark_circle(size=10, opacity=0.35).encode(x=x, y=y, color=colour)
        lines = (
            alt.Chart(canvas.labelled(pd.concat(fits))).mark_line(clip=True).encode(x=x, y=y, color=colour)
        )
        panels.append(alt.layer(dots, lines).properties(title=label, width=style.PANEL, height=110))
    caption = (
        "Reward against token entropy, a point a training step, with least-squares fits of "
        f"R = -a exp(H) + b. {'; '.join(qualities)}."
    )
    return Drawn(grid([panels]), caption)

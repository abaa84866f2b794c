"""Figures of semantic entropy: what the curriculum is made from."""

from typing import Final

import altair as alt
import pandas as pd

from sent.results import style
from sent.results.experiment_data import ExperimentData, Figure, grid, padded

STAGE_COLOURS: Final = "tealblues"


def semantic_entropy_histogram(data: ExperimentData) -> Figure | None:
    """Questions by semantic entropy, coloured by curriculum stage, a panel a model."""
    found = data.rows("select_entropy")
    if found.empty:
        return None
    models = data.present(data.models, found["model"])
    width = 0.2
    found["bin"] = (found["semantic_entropy"] // width) * width
    counts = (
        found.assign(stage=found["stage"].fillna(0)).groupby(["model", "bin", "stage"], as_index=False).size()
    )
    counts["end"] = counts["bin"] + width
    ends = found.groupby(["model", "stage"], as_index=False)["semantic_entropy"].max()
    ends = ends[ends["stage"] < ends.groupby("model")["stage"].transform("max")]
    entropies = alt.Scale(domain=[counts["bin"].min(), counts["end"].max()], nice=False)
    highest = alt.Scale(domainMax=int(counts.groupby(["model", "bin"])["size"].sum().max()))
    panels = []
    for column, (model, label) in enumerate(models.items()):
        bars = (
            alt.Chart(counts[counts["model"] == model])
            .mark_bar(stroke="white", strokeWidth=0.5)
            .encode(
                x=alt.X("bin:Q", bin="binned", title="semantic entropy (nats)", scale=entropies),
                x2="end:Q",
                y=alt.Y("size:Q", title="questions" if column == 0 else None, stack=True, scale=highest),
                color=_stage_colour(counts["stage"]),
                order=alt.Order("stage:Q"),
            )
        )
        rules = (
            alt.Chart(ends[ends["model"] == model])
            .mark_rule(strokeDash=[3, 3], color="#444444")
            .encode(x="semantic_entropy:Q")
        )
        panels.append(alt.layer(bars, rules).properties(title=label, width=style.PANEL, height=110))
    summary = "; ".join(
        f"{label}: mean {part.mean():.3f}, 0 for {(part == 0).mean():.0%}"
        for model, label in models.items()
        for part in [found.loc[found["model"] == model, "semantic_entropy"]]
    )
    stages = ", by stage of the curriculum (dashed: the largest entropy of a stage)" if len(ends) else ""
    return Figure(
        grid([panels]), f"Training questions by semantic entropy{stages}. {summary} of the questions."
    )


def semantic_entropy_accuracy(data: ExperimentData) -> Figure | None:
    """Semantic entropy against the share of right samples, a panel a model."""
    found = data.rows("select_entropy").dropna(subset=["accuracy"])
    if found.empty:
        return None
    models = data.present(data.models, found["model"])
    found["entropy"] = found["semantic_entropy"].round(1)
    found["right"] = (found["accuracy"] * 16).round() / 16
    cells = found.groupby(["model", "entropy", "right"], as_index=False).size()
    entropies = alt.Scale(domain=padded(0, cells["entropy"].max(), 0.08), nice=False)
    shares = alt.Scale(domain=padded(0, 1, 0.1), nice=False)
    panels, ranks = [], []
    for column, (model, label) in enumerate(models.items()):
        part = found[found["model"] == model]
        rank = part["semantic_entropy"].rank().corr(part["accuracy"].rank())
        ranks.append(f"{label}: {'undefined' if pd.isna(rank) else f'{rank:.2f}'}")
        panels.append(
            alt.Chart(cells[cells["model"] == model])
            .mark_circle(color=style.NEUTRAL, opacity=0.7)
            .encode(
                x=alt.X("entropy:Q", title="semantic entropy (nats)", scale=entropies),
                y=alt.Y("right:Q", title="share of right samples" if column == 0 else None, scale=shares),
                size=alt.Size(
                    "size:Q",
                    title="questions",
                    scale=alt.Scale(range=[6, 260], domain=[1, int(cells["size"].max())]),
                ),
            )
            .properties(title=label, width=style.PANEL, height=120)
        )
    return Figure(
        grid([panels]), f"Semantic entropy against accuracy; Spearman's correlation is {', '.join(ranks)}."
    )


def cluster_counts(data: ExperimentData) -> Figure | None:
    """Questions by their number of meanings, a panel a model."""
    found = data.rows("select_entropy")
    if found.empty:
        return None
    models = data.present(data.models, found["model"])
    counts = found.groupby(["model", "n_clusters"], as_index=False).size()
    numbers = list(range(int(counts["n_clusters"].min()), int(counts["n_clusters"].max()) + 1))
    highest = alt.Scale(domainMax=int(counts["size"].max()))
    panels = [
        alt.Chart(counts[counts["model"] == model])
        .mark_bar(color=style.NEUTRAL)
        .encode(
            x=alt.X(
                "n_clusters:O",
                title="meanings among the samples",
                scale=alt.Scale(domain=numbers),
                axis=alt.Axis(labelAngle=0, labelOverlap=True),
            ),
            y=alt.Y("size:Q", title="questions" if column == 0 else None, scale=highest),
        )
        .properties(title=label, width=style.PANEL, height=100)
        for column, (model, label) in enumerate(models.items())
    ]
    sizes = sorted(found["n_samples"].unique().tolist())
    samples = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    return Figure(grid([panels]), f"Number of distinct meanings among {samples} samples a question.")


def curriculum_correlations(data: ExperimentData) -> Figure | None:
    """Spearman's correlation of the orders of the questions, a panel a model."""
    found = data.rows("SELECT * FROM curriculum_correlations WHERE curriculum <> other")
    if found.empty:
        return None
    labels = data.rows("SELECT curriculum, label FROM curricula ORDER BY position")
    names = labels.set_index("curriculum")["label"].to_dict()
    found = found.replace({"curriculum": names, "other": names})
    orders = alt.Scale(domain=list(names.values()))
    colour = alt.Scale(scheme="redblue", domain=[-1, 1])
    panels = []
    for column, (model, label) in enumerate(data.present(data.models, found["model"]).items()):
        axis = alt.Axis() if column == 0 else None
        base = alt.Chart(found[found["model"] == model]).encode(
            x=alt.X("curriculum:N", title=None, scale=orders, axis=alt.Axis(labelAngle=-45)),
            y=alt.Y("other:N", title=None, scale=orders, axis=axis),
        )
        cells = base.mark_rect().encode(color=alt.Color("spearman:Q", scale=colour, title="Spearman"))
        numbers = base.mark_text(fontSize=9).encode(
            text=alt.Text("spearman:Q", format=".2f"),
            color=alt.condition("abs(datum.spearman) > 0.6", alt.value("white"), alt.value("black")),
        )
        size = max(style.PANEL, 26 * len(names))
        panels.append(alt.layer(cells, numbers).properties(title=label, width=size, height=size))
    about = "Spearman's correlation of the places that two curricula give to the questions of both"
    return Figure(grid([panels]), f"{about}; 1: the same order, 0: unrelated.")


def _stage_colour(stages: pd.Series) -> alt.Color:
    several = stages.nunique() > 1
    scale = alt.Scale(scheme=STAGE_COLOURS) if several else alt.Scale(range=[style.NEUTRAL])
    legend = alt.Legend(labelExpr="datum.value == 0 ? 'left out' : datum.label")
    return alt.Color("stage:O", scale=scale, title="stage", legend=legend if several else None)

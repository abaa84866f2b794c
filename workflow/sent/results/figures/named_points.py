"""Many points of one model, each with its name beside it: more than colours could tell apart."""

from typing import Any

import altair as alt
import pandas as pd

from sent.results import style

MANY = 9
"""Methods of the paper, which have colours of their own."""


def fit(models: dict[str, str], points: pd.DataFrame) -> bool:
    """Whether the points of `method` are to be named: one model, and more methods than colours."""
    return len(models) == 1 and points["method"].nunique() > MANY


def panel(
    trained: pd.DataFrame, x: dict[str, Any], y: dict[str, Any], name: str, *more: alt.Chart
) -> alt.LayerChart | alt.FacetChart:
    """Return a panel as wide as a page: a dot for each row of ``trained``, its column ``name`` beside it.

    ``x`` and ``y`` are the settings of :class:`alt.X` and :class:`alt.Y`; ``more`` are layers above.
    """
    dots = alt.Chart(trained).encode(x=alt.X(**x), y=alt.Y(**y))
    marks = dots.mark_circle(size=30, opacity=1, color=style.NEUTRAL)
    names = dots.mark_text(align="left", dx=5, fontSize=9).encode(text=f"{name}:N")
    return alt.layer(marks, names, *more).properties(width=3 * style.PANEL, height=2 * style.PANEL)

"""Many points of one model, each with its name beside it: more than colours could tell apart."""

from typing import Any, Literal, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from sent.results import style

MANY = 9
"""Methods of the paper, which have colours of their own."""

WIDTH, HEIGHT = 3 * style.PANEL, 2 * style.PANEL
FONT_SIZE = 9
LETTER = 0.52 * FONT_SIZE
"""Mean width of a letter, in pixels; Arial's and Liberation Sans's are alike."""

DOT = 4
"""Pixels about a point that no name should cover."""


class Place(NamedTuple):
    """Where a name stands: which end of it, and how many pixels right of and below its point."""

    align: Literal["left", "center", "right"]
    dx: int
    dy: int


PLACES = (
    Place("left", 5, 0),
    Place("right", -5, 0),
    Place("center", 0, -9),
    Place("center", 0, 9),
    Place("left", 3, -8),
    Place("left", 3, 8),
    Place("right", -3, -8),
    Place("right", -3, 8),
)
"""The first is preferred."""

SWEEPS = 4
"""Times that every name may move again after the others; nothing moves any more after two or three."""


def fit(models: dict[str, str], points: pd.DataFrame) -> bool:
    """Whether the points of `method` are to be named: one model, and more methods than colours."""
    return len(models) == 1 and points["method"].nunique() > MANY


def panel(
    trained: pd.DataFrame, x: dict[str, Any], y: dict[str, Any], name: str, *more: alt.Chart
) -> alt.LayerChart | alt.FacetChart:
    """Return a panel as wide as a page: a dot for each row of ``trained``, its column ``name`` where it covers no other.

    ``x`` and ``y`` are the settings of :class:`alt.X` and :class:`alt.Y`, with a scale's domain; ``more`` are layers above.
    """
    across, down = WIDTH * _share(trained, x), HEIGHT * (1 - _share(trained, y))
    place = pd.Series(places(np.stack([across, down], axis=1), trained[name].tolist()), trained.index)

    def at(rows: pd.DataFrame) -> alt.Chart:
        return alt.Chart(rows).encode(x=alt.X(**x), y=alt.Y(**y))

    marks = at(trained).mark_circle(size=30, opacity=1, color=style.NEUTRAL)
    names = [
        at(trained[place == number])
        .mark_text(**PLACES[number]._asdict(), fontSize=FONT_SIZE)
        .encode(text=f"{name}:N")
        for number in sorted(place.unique())
    ]
    return alt.layer(marks, *names, *more).properties(width=WIDTH, height=HEIGHT)


def places(points: np.ndarray, names: list[str]) -> list[int]:
    """Return for each of ``names`` the index of the place in :data:`PLACES` where it covers least of the others.

    ``points`` are (n, 2), in pixels from the left and from the top of the panel. One name after another takes the place where
    its box shares the smallest area with other names', with dots and with what is outside the panel, several times over.
    """
    dots = np.concatenate([points - DOT, points + DOT], axis=1)
    boxes = np.array([_boxes(point, len(name) * LETTER) for point, name in zip(points, names, strict=True)])
    outside = np.array([[_outside(box) for box in around] for around in boxes])
    chosen = [0] * len(names)
    for _ in range(SWEEPS):
        for number in range(len(names)):
            others = [other for other in range(len(names)) if other != number]
            taken = np.concatenate([dots[others], [boxes[other][chosen[other]] for other in others]])
            covered = np.array([_shared(box, taken).sum() for box in boxes[number]])
            chosen[number] = int(np.argmin(covered + outside[number]))
    return chosen


def _share(rows: pd.DataFrame, axis: dict[str, Any]) -> np.ndarray:
    """Where the rows are on an axis, from 0 at its start to 1 at its end."""
    low, high = axis["scale"].to_dict()["domain"]
    share: np.ndarray = (rows[axis["shorthand"].split(":")[0]].to_numpy(float) - low) / (high - low)
    return share


def _boxes(point: np.ndarray, width: float) -> np.ndarray:
    """Left, top, right and bottom of a name of this width at every place about ``point``."""
    before = {"left": 0.0, "center": 0.5, "right": 1.0}
    left = np.array([point[0] + place.dx - before[place.align] * width for place in PLACES])
    top = np.array([point[1] + place.dy - FONT_SIZE / 2 for place in PLACES])
    return np.stack([left, top, left + width, top + FONT_SIZE], axis=1)


def _shared(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The area that ``box`` shares with each of ``others``."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    area: np.ndarray = sides.clip(min=0).prod(axis=1)
    return area


def _outside(box: np.ndarray) -> float:
    """The area of ``box`` that is not in the panel."""
    panel = np.array([[0, 0, WIDTH, HEIGHT]])
    return float((box[2:] - box[:2]).prod() - _shared(box, panel)[0])

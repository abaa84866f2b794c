"""How figures look: sizes for a paper's columns, and one colour a method everywhere."""

from typing import Any

COLOURS = {
    "base": "#606060",
    "grpo": "#0072B2",
    "sent": "#D55E00",
    "en": "#E69F00",
    "adv": "#56B4E9",
    "mask": "#009E73",
    "clip_cov": "#CC79A7",
    "kl_cov": "#332288",
    "high_en": "#000000",
    "sent_released": "#8A3D00",
    "sent_no_curriculum": "#F0A070",
    "sent_uniform_kl": "#B07AA1",
    "sent_no_kl": "#6B4C9A",
    "grpo_curriculum": "#7FB8DA",
}
"""Okabe and Ito's palette for the paper's methods (a grey and indigo for its grey and yellow, which are hard to tell from
others or from white), so that colour-blind readers can tell them apart; shades of it for the ablations."""

MORE_COLOURS = ("#44AA99", "#882255", "#999933", "#661100", "#117733", "#AA4499")
"""For methods of a user's own, in the order of the experiment."""

DASHES = {
    "base": [2, 2],
    "grpo": [6, 2],
    "sent_released": [5, 1, 1, 1],
    "sent_no_curriculum": [4, 2],
    "sent_uniform_kl": [8, 2, 2, 2],
    "sent_no_kl": [5, 1, 1, 1],
    "grpo_curriculum": [4, 2],
}
"""So that the two baselines, and the ablations among the paper's methods, are told apart without colour, too."""

NEUTRAL = "#4C6A78"
"""For what belongs to no method."""

PANEL = 150
"""Width of one panel in pixels of 1/96 inch: three of them fit the width of a page."""

LEGEND_COLUMNS = 9
"""More methods than these are listed in several rows."""

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


def colours(methods: list[str]) -> list[str]:
    """Return a colour for each method: fixed by its name, or by its place among methods that have none."""
    unknown = [method for method in methods if method not in COLOURS]
    return [COLOURS.get(m) or MORE_COLOURS[unknown.index(m) % len(MORE_COLOURS)] for m in methods]


def dashes(methods: list[str]) -> list[list[int]]:
    """Return a dash pattern for each method."""
    return [DASHES.get(method, [1, 0]) for method in methods]


CONFIG: dict[str, Any] = {
    "font": FONT,
    "background": "white",
    "view": {"stroke": "#D0D0D0", "continuousWidth": PANEL, "continuousHeight": 110},
    "axis": {
        "labelFontSize": 9,
        "titleFontSize": 9,
        "titleFontWeight": "normal",
        "gridColor": "#EEEEEE",
        "domainColor": "#999999",
        "tickColor": "#999999",
        "tickCount": 5,
        "labelFlush": False,
    },
    "header": {
        "labelFontSize": 10,
        "titleFontSize": 10,
        "labelFontWeight": "bold",
        "titleFontWeight": "normal",
    },
    "legend": {
        "labelFontSize": 9,
        "titleFontSize": 9,
        "titleFontWeight": "normal",
        "orient": "top",
        "symbolSize": 60,
        "symbolOpacity": 1,
        "symbolStrokeWidth": 2,
        "offset": 2,
    },
    "title": {"fontSize": 10, "fontWeight": "bold", "offset": 4},
    "mark": {"tooltip": True},
    "tooltipFormat": {"numberFormat": ".4~g"},
    "line": {"strokeWidth": 1.5},
    "point": {"size": 22},
}

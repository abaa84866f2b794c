"""What all figures share: the run's names in order, their colours, and grids of panels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd
from duckdb import DuckDBPyConnection

from sent.config import BASELINE
from sent.results import style
from sent.results.queries import frame


@dataclass(frozen=True)
class Figure:
    """A finished figure: its chart, and a caption with the run's own values."""

    chart: alt.TopLevelMixin
    caption: str


class ExperimentData:
    """An experiment's database with the labels and colours of its models, methods and benchmarks."""

    def __init__(self, connection: DuckDBPyConnection):
        self.connection = connection
        names = frame(connection, "select_names")
        self.models, self.methods, self.benchmarks = (
            dict(names.loc[names["kind"] == kind, ["name", "label"]].itertuples(index=False, name=None))
            for kind in ("models", "methods", "benchmarks")
        )

    @property
    def baseline(self) -> str:
        """Label of the method that differences are to; of recorded responses, of the model."""
        return self.methods.get(self._baseline) or self.models.get(self._baseline, self._baseline)

    @property
    def _baseline(self) -> str:
        first = "SELECT DISTINCT baseline FROM paired_differences WHERE baseline_position = 0"
        return next(iter(frame(self.connection, first)["baseline"]), BASELINE)

    @property
    def over(self) -> str:
        """What the intervals of differences are over, to go after a noun."""
        ((seeds,),) = self.connection.execute("SELECT max(seeds) FROM paired_differences").fetchall()
        if (seeds or 0) > 1:
            return " over training seeds and questions"
        alone = " (one training seed proves nothing about a method)"
        return f" over questions{alone if self._baseline in self.methods else ''}"

    def rows(self, query: str, **parameters: object) -> Any:
        """Return the rows of a query: SQL, or the name of a file of results/sql/."""
        return frame(self.connection, query, **parameters)

    def present(self, names: dict[str, str], found: pd.Series) -> dict[str, str]:
        """Return those of ``names`` that are ``found``, in order; a name without a label labels itself."""
        there = set(found)
        return {n: label for n, label in names.items() if n in there} | {
            n: n for n in sorted(there - set(names))
        }

    def labelled(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return rows with the columns `Method` and `Benchmark` beside `method` and `benchmark`."""
        rows = rows.copy()
        for key, labels in (("method", self.methods), ("benchmark", self.benchmarks)):
            if key in rows:
                rows[key.capitalize()] = [labels.get(name, name) for name in rows[key]]
        return rows

    def colour(self, found: pd.Series, legend: alt.Legend | None = None) -> alt.Color:
        """Return the colour encoding of the methods that are ``found``, with dots in its legend unless told."""
        methods = self.present(self.methods, found)
        colours = dict(zip(self.methods, style.colours(list(self.methods)), strict=True))
        scale = alt.Scale(domain=list(methods.values()), range=[colours.get(m, "#000000") for m in methods])
        legend = legend or alt.Legend(symbolType="circle")
        if len(methods) > style.LEGEND_COLUMNS:
            legend.columns = style.LEGEND_COLUMNS
        return alt.Color("Method:N", scale=scale, title=None, legend=legend)

    def line(self, found: pd.Series) -> dict[str, Any]:
        """Return the encodings of lines of the methods that are ``found``: colour, and dashes for some."""
        legend = alt.Legend(symbolType="stroke", symbolSize=250)
        return {"color": self.colour(found, legend), "strokeDash": self._dash(found, legend)}

    def _dash(self, found: pd.Series, legend: alt.Legend) -> alt.StrokeDash:
        methods = self.present(self.methods, found)
        scale = alt.Scale(domain=list(methods.values()), range=style.dashes(list(methods)))
        return alt.StrokeDash("Method:N", scale=scale, title=None, legend=legend)


def grid(rows: Sequence[Sequence[alt.Chart | alt.LayerChart | alt.FacetChart]]) -> alt.ConcatChart:
    """Return panels in rows and columns, with one legend."""
    panels = [panel for row in rows for panel in row]
    return alt.concat(*panels, columns=len(rows[0]), spacing=12).configure(**style.CONFIG)


def step_axis(title: str | None) -> alt.X:
    """Return the x encoding of curves over training."""
    return alt.X("total_step:Q", title=title, axis=alt.Axis(tickMinStep=1, format="d"))


def padded(low: float, high: float, share: float = 0.05) -> list[float]:
    """Return a domain a little wider than from ``low`` to ``high``."""
    margin = (high - low or abs(high) or 1.0) * share
    return [low - margin, high + margin]

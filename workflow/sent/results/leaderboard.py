"""The leaderboard as text: what `make demo` ends with."""

from pathlib import Path

import pandas as pd
from tabulate import tabulate

from sent.results import printing
from sent.results.queries import frame
from sent.results.reading import connect
from sent.results.scores import AVERAGE, BASELINE


def text(database: Path) -> str:
    """Return the scores by model and method over all benchmarks, and where to look further."""
    with connect(database) as connection:
        scores = frame(connection, "select_leaderboard", benchmark=AVERAGE)
        entropy = frame(connection, "table_semantic_entropy")
        entailment = frame(connection, "select_entailment_models")
    places = [f"{name:10}{path}" for name, path in _places(database).items() if path.exists()]
    notes = [
        f"entailment model {row.model}: {100 * row.accuracy:.1f}% of held-out pairs right"
        for row in entailment.dropna(subset=["accuracy"]).itertuples()
    ]
    return "\n".join([_table(scores, entropy), *notes, "", *places])


def _table(scores: pd.DataFrame, entropy: pd.DataFrame) -> str:
    if scores.empty:
        told = "No policy was evaluated in this experiment: there is no leaderboard."
        return told if entropy.empty else f"{told}\n{printing.rows(entropy, 'table', len(entropy))}"
    metrics = list(dict.fromkeys(scores["metric"]))
    rows = []
    for (model, method), part in scores.groupby(["model", "method"], sort=False):
        by_metric = part.set_index("metric")
        rows.append([model, method, *(_cell(by_metric, metric) for metric in metrics), _difference(part)])
    head = ["model", "method", *metrics, f"{metrics[0]} - {BASELINE}"]
    notes = (
        "Percent of answers right, mean over the benchmarks; in brackets the 95% interval over questions.\n"
        f"* differs from {BASELINE} (p < 0.05 after Holm's correction over methods)"
    )
    return f"{tabulate(rows, head, tablefmt='rounded_outline', disable_numparse=True)}\n{notes}"


def _cell(by_metric: pd.DataFrame, metric: str) -> str:
    row = by_metric.loc[metric] if metric in by_metric.index else None
    if row is None or pd.isna(row["value"]):
        return "-"
    return f"{100 * row['value']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"


def _difference(part: pd.DataFrame) -> str:
    row = part.iloc[0]
    if pd.isna(row["difference"]):
        return ""
    return f"{100 * row['difference']:+.1f}{'*' if row['p_holm'] < 0.05 else ''}"


def _places(database: Path) -> dict[str, Path]:
    folder = database.parent
    return {
        "report": folder / "report.html",
        "database": database,
        "figures": folder / "figures",
        "tables": folder / "tables",
    }

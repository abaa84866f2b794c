"""The leaderboard as text: what `make demo` ends with, and as Markdown what the README shows."""

from itertools import pairwise
from pathlib import Path
from textwrap import fill

import pandas as pd
from tabulate import tabulate

from sent.config import BASELINE
from sent.errors import SentError
from sent.results import baselines, kept, printing
from sent.results.queries import frame, run
from sent.results.reading import connect
from sent.results.scores import AVERAGE

PAGE = 120
"""Characters of a line of Markdown."""


ONE_SEED = (
    "One seed: one training proves nothing about a method, and its differences have no verdict. More: `seeds: [0, 1, 2]`; "
    "methods over many seeds: the study, docs/nano-study.md."
)


def _verdict(scores: pd.DataFrame) -> str:
    """Say what the differences are, and what may be concluded from them."""
    found = scores.dropna(subset=["difference"])
    if found.empty:
        return ""
    baseline, seeds = _baseline(scores), int(found["difference_seeds"].max())
    if found["p_holm"].notna().any():
        over = "training seeds and questions" if seeds > 1 else "questions"
        others = "methods" if baseline in set(scores["method"]) else "models"
        return (
            f"A star: differs from {baseline} over {over} (p < 0.05 after Holm's correction over {others})."
        )
    return ONE_SEED


def _baseline(scores: pd.DataFrame) -> str:
    """The method, or of recorded responses the model, that differences are to."""
    return next(iter(scores["baseline"].dropna()), BASELINE)


def text(database: Path) -> str:
    """Return the scores by model and method over all benchmarks, and where to look further."""
    with connect(database) as connection:
        scores = frame(connection, "select_leaderboard", benchmark=AVERAGE)
        entropy = frame(connection, "table_semantic_entropy")
        entailment = frame(
            connection,
            "SELECT model, label, accuracy FROM models WHERE role = 'entailment' ORDER BY position",
        )
        about = kept.sentence(connection)
        alarms = [f"OFF: {alarm}" for alarm in baselines.alarms(connection)]
    places = [f"{name:10}{path}" for name, path in _places(database).items() if path.exists()]
    notes = [
        f"entailment model {row.model}: {100 * row.accuracy:.1f}% of held-out pairs right"
        for row in entailment.dropna(subset=["accuracy"]).itertuples()
    ]
    return "\n".join([_table(scores, entropy, about), *notes, *alarms, "", *places])


def markdown(database: Path) -> str:
    """Return the scores by model and method as a Markdown table below a sentence that says what they are.

    Raises :class:`SentError` where no policy was evaluated.
    """
    with connect(database) as connection:
        scores = frame(connection, "select_leaderboard", benchmark=AVERAGE)
        pools = sorted(frame(connection, "select_pool_sizes")["n"])
        [(name, questions, seeds)] = run(connection, "select_sizes").fetchall()
        policies = kept.sentence(connection)
    if scores.empty:
        raise SentError(f"{database}: no policy was evaluated in this experiment: there is no leaderboard")
    head, rows = _cells(scores)
    for above, row in reversed(list(pairwise(rows))):
        row[0] = "" if row[0] == above[0] else row[0]
    responses = str(pools[0]) if pools[0] == pools[-1] else f"{pools[0]} to {pools[-1]}"
    about = (
        f"Experiment `{name}`, {printing.training_seeds(seeds)}: percent of answers right, mean over the "
        f"benchmarks ({questions:,} questions, {responses} responses each); in brackets the 95% interval over "
        f"questions.{policies} {_verdict(scores)}"
    )
    return f"{fill(about, PAGE)}\n\n{tabulate(rows, head, tablefmt='pipe', disable_numparse=True)}\n"


def _table(scores: pd.DataFrame, entropy: pd.DataFrame, about: str) -> str:
    if scores.empty:
        told = "No policy was evaluated in this experiment: there is no leaderboard."
        return told if entropy.empty else f"{told}\n{printing.rows(entropy, 'table', len(entropy))}"
    head, rows = _cells(scores)
    notes = (
        "Percent of answers right, mean over the benchmarks; in brackets the 95% interval over questions."
        f"{about}\n{_verdict(scores)}"
    )
    return f"{tabulate(rows, head, tablefmt='rounded_outline', disable_numparse=True)}\n{notes}"


def _cells(scores: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return the header, and a line a model and method."""
    metrics = list(dict.fromkeys(scores["metric"]))
    rows = []
    for (model, method), part in scores.groupby(["model", "method"], sort=False):
        by_metric = part.set_index("metric")
        rows.append(
            [str(model), str(method), *(_cell(by_metric, metric) for metric in metrics), _difference(part)]
        )
    return ["model", "method", *metrics, f"{metrics[0]} - {_baseline(scores)}"], rows


def _cell(by_metric: pd.DataFrame, metric: str) -> str:
    row = by_metric.loc[metric] if metric in by_metric.index else None
    if row is None or pd.isna(row["value"]):
        return "-"
    return f"{100 * row['value']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"


def _difference(part: pd.DataFrame) -> str:
    row = part.iloc[0]
    if pd.isna(row["difference"]):
        return ""
    text = f"{100 * row['difference']:+.1f}{'*' if row['p_holm'] < 0.05 else ''}"
    if pd.isna(row["difference_low"]):
        return text
    return f"{text} [{100 * row['difference_low']:+.1f}, {100 * row['difference_high']:+.1f}]"


def _places(database: Path) -> dict[str, Path]:
    folder = database.parent
    return {
        "report": folder / "report.html",
        "database": database,
        "figures": folder / "figures",
        "tables": folder / "tables",
    }

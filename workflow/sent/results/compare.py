"""Two databases side by side: the same policies on the same questions, before and after something changed."""

from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from sent import statistics
from sent.errors import SentError
from sent.results.queries import frame
from sent.results.reading import connect
from sent.seeding import generator_of

POLICY = ["model", "method", "benchmark"]


def text(one: Path, other: Path) -> str:
    """Return a line for each policy and benchmark that both databases have.

    Scores are over the questions of both; their difference is paired by question, with the 95% bootstrap interval, and
    a p-value by sign flips that Holm's procedure corrects over the lines. Raises :class:`SentError` where nothing is in
    both.
    """
    both = _scores(one).merge(_scores(other), on=[*POLICY, "question_id"], suffixes=("_one", "_other"))
    if both.empty:
        raise SentError(
            f"{one} and {other} have no question that the same model and method answered in both; compare databases of "
            "the same models, methods and benchmarks"
        )
    rows = [_compared(key, part) for key, part in both.groupby(POLICY, sort=False)]
    for row, corrected in zip(rows, statistics.holm(np.array([row["p"] for row in rows])), strict=True):
        row["p"] = f"{corrected:.2g}"
    table = tabulate(
        [list(row.values()) for row in rows], list(rows[0]), tablefmt="rounded_outline", disable_numparse=True
    )
    return (
        f"{table}\nPercent of responses that are right. first: {one}, second: {other}; in brackets the 95% interval over "
        "questions; p after Holm's correction over lines."
    )


def _scores(database: Path) -> pd.DataFrame:
    """The share of right responses to each question, mean over seeds."""
    with connect(database) as connection:
        return frame(
            connection,
            "SELECT model, method, benchmark, question_id, avg(n_correct / n) AS score FROM question_scores "
            "GROUP BY ALL ORDER BY ALL",
        )


def _compared(key: tuple, part: pd.DataFrame) -> dict:
    differences = (part["score_other"] - part["score_one"]).to_numpy()[:, None]
    resampled = (
        statistics.bootstrap_weights(len(part), generator_of("compare", "bootstrap", *key)) @ differences
    )
    flipped = statistics.sign_weights(len(part), generator_of("compare", "sign flips", *key)) @ differences
    low, high = statistics.interval(resampled)
    return {
        **dict(zip(POLICY, key, strict=True)),
        "questions": f"{len(part):,}",
        "first": f"{100 * part['score_one'].mean():.1f}",
        "second": f"{100 * part['score_other'].mean():.1f}",
        "second - first": f"{100 * differences.mean():+.1f} [{100 * low[0]:+.1f}, {100 * high[0]:+.1f}]",
        "better": f"{(differences > 0).sum()}",
        "worse": f"{(differences < 0).sum()}",
        "p": float(statistics.sign_flip_p(differences.mean(axis=0), flipped)[0]),
    }

"""What training kept of its rollouts: read for the terminal, and chosen for the report."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from sent import tables
from sent.errors import SentError
from sent.results.experiment_data import ExperimentData
from sent.results.printing import without_controls
from sent.training import step_log

LONGEST = 700
"""Characters of a response on the page: its end, where the answer stands."""


def text(where: Path, question: str | None = None, step: int | None = None) -> Iterator[str]:
    """Yield the rollouts of all stages below a folder as lines, of a question, a step, or each stage's last step.

    Raises :class:`SentError` if there are none.
    """
    found = False
    for stage, rows in _stages(where):
        last = max(row["step"] for row in rows)
        for row in rows:
            wanted = question is None or row["question_id"] == question
            if wanted and (row["step"] == (step or last) or (question and step is None)):
                found = True
                yield from _lines(stage, row)
    if not found:
        raise SentError(
            f"{where}: no rollouts there{_which(question, step)}; training keeps them below train/ (`training.keep_rollouts`)"
        )


def _which(question: str | None, step: int | None) -> str:
    named = [f"question '{question}'"] if question else []
    named += [f"step {step}"] if step else []
    return f" of {' and '.join(named)}" if named else ""


def _stages(where: Path) -> Iterator[tuple[Path, list[dict]]]:
    """Yield the folder of each stage below ``where`` and its rollouts: its table, or what a running job told so far."""
    finished = {path.parent for path in where.rglob("rollouts.parquet")}
    running = {
        path.parent.parent.with_suffix("") for path in where.rglob(f"*.checkpoints/*/{step_log.ROLLOUTS}")
    }
    for stage in sorted(finished | running):
        if stage in finished:
            rows = tables.rows(stage / "rollouts.parquet", tables.ROLLOUTS)
        else:
            newest = step_log.newest(stage.with_suffix(".checkpoints"))
            rows = step_log.read(newest / step_log.ROLLOUTS) if newest else []
        if rows:
            yield stage, rows


def _lines(stage: Path, row: dict) -> Iterator[str]:
    cut = ", cut off" if row["truncated"] else ""
    yield (
        f"{stage}, step {row['step']}, question {without_controls(row['question_id'])}, response {row['sample']}: "
        f"{row['verdict']}{cut}, reward {row['reward']:g}, advantage {row['advantage']:+.2f}"
    )
    for part, mark in ((row["question"], "?"), (row["response"], ">")):
        for line in part.splitlines():
            yield f"  {mark} {without_controls(line)}"
    yield ""


def for_page(data: ExperimentData) -> list[dict]:
    """Return three questions with how responses to them changed over training; texts are a model's own words."""
    found = data.labelled(data.rows("select_rollouts"))
    return [
        {
            "id": name,
            "question": rows["question"].iloc[0],
            "answer": rows["answer"].iloc[0],
            "responses": [_shown(data, row) for row in rows.itertuples()],
        }
        for name, rows in found.groupby("question_id", sort=True)
    ]


def _shown(data: ExperimentData, row: Any) -> dict:
    cut = " (cut off)" if row.truncated else ""
    return {
        "model": data.models.get(row.model, row.model),
        "method": row.Method,
        "step": row.total_step,
        "verdict": f"{row.verdict.replace('_', ' ')}{cut}",
        "reward": f"{row.reward:g}",
        "advantage": f"{row.advantage:+.2f}" if pd.notna(row.advantage) else "",
        "text": row.response if len(row.response) <= LONGEST else f"… {row.response[-LONGEST:]}",
    }

"""The tables train_runs, train_metrics and rollouts: what training leaves beside each policy, or tells while it runs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
from duckdb import DuckDBPyConnection

from sent import tables
from sent.errors import SentError
from sent.results.files import Files, read_json
from sent.results.queries import run
from sent.training import step_log


def load(connection: DuckDBPyConnection, files: Files) -> None:
    """Fill `train_metrics` (all columns that training logged, over all methods), `train_runs` and `rollouts`."""
    metrics, runs, kept = [], [], []
    summaries = {tuple(file.keys.values()): file.path for file in files.called("summary")}
    finished_steps: dict[tuple, int] = {}
    for keys, steps, rollouts in _stages(files):
        steps = steps.sort_values("step", kind="stable")
        key = tuple(keys.values())
        before = finished_steps.get(key[:3], 0)
        finished_steps[key[:3]] = before + len(steps)
        total = pd.Series(range(before + 1, before + len(steps) + 1), index=steps.index, dtype="int32")
        metrics.append(steps.assign(**keys, total_step=total))
        totals = dict(zip(steps["step"], total, strict=True))
        told = rollouts[rollouts["step"].isin(list(totals))]
        kept.append(told.assign(**keys, total_step=told["step"].map(totals)))
        summary = _summary(summaries[key], keys) if key in summaries else {}
        if len(steps) != summary.get("steps", max(1, len(steps))):
            place = summaries[key].with_name("metrics.parquet") if key in summaries else f"metrics of {key}"
            expected = summary.get("steps", "some")
            raise SentError(f"{place}: expected {expected} steps, found {len(steps)}; run the training again")
        runs.append(
            {
                **keys,
                "steps": len(steps),
                "seconds": steps["seconds"].sum() if "seconds" in steps else None,
                "tokens": int(steps["step_tokens"].sum()) if "step_tokens" in steps else None,
                "summary": json.dumps(summary, sort_keys=True),
            }
        )
    if metrics:
        connection.append("train_runs", pd.DataFrame(runs), by_name=True)
        for name, frames in (("logged", metrics), ("kept", kept)):
            connection.register(name, pa.Table.from_pandas(pd.concat(frames), preserve_index=False))
        for query in ("load_train_metrics", "load_rollouts"):
            run(connection, query)
        for name in ("logged", "kept"):
            connection.unregister(name)


def _summary(path: Path, keys: dict) -> dict:
    """Read a train.json. Raises :class:`SentError` for one of another training."""
    summary = read_json(path)
    for name in ("method", "seed", "stage"):
        if str(summary.get(name)) != str(keys[name]):
            raise SentError(
                f"{path}: '{name}' is {summary.get(name)!r}, expected {keys[name]!r}: it is of another training; delete it and "
                "run the training again"
            )
    return summary


def _stages(files: Files) -> Iterator[tuple[dict, pd.DataFrame, pd.DataFrame]]:
    """Yield the keys, metrics and rollouts of each stage; one that is not done comes after those of its run that are."""
    columns = [name for name in tables.ROLLOUTS.names if name != "question"]
    for file in files.called("metrics"):
        path = file.path.with_name("rollouts.parquet")
        rollouts = tables.read(path, tables.ROLLOUTS) if path.is_file() else tables.table(tables.ROLLOUTS, [])
        yield file.keys, tables.read(file.path).to_pandas(), rollouts.to_pandas()[columns]
    for file in files.running():
        steps = pd.DataFrame(step_log.read(file.path / step_log.METRICS))
        if len(steps):
            rollouts = tables.table(tables.ROLLOUTS, step_log.read(file.path / step_log.ROLLOUTS))
            yield file.keys, steps, rollouts.to_pandas()[columns]

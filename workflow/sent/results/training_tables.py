"""The tables train_runs and train_metrics, from what training leaves beside each policy."""

import json

import pandas as pd
import pyarrow as pa

from sent import tables
from sent.results.files import Files, read_json
from sent.results.queries import run


def load(connection, files: Files) -> None:
    """Fill `train_metrics` (all columns that training logged, over all methods) and `train_runs`."""
    metrics, runs = [], []
    summaries = {tuple(file.keys.values()): file.path for file in files.called("summary")}
    finished_steps: dict[tuple, int] = {}
    for file in files.called("metrics"):
        steps = tables.read(file.path).to_pandas().sort_values("step", kind="stable")
        key = tuple(file.keys.values())
        before = finished_steps.get(key[:3], 0)
        finished_steps[key[:3]] = before + len(steps)
        total = pd.Series(range(before + 1, before + len(steps) + 1), index=steps.index, dtype="int32")
        metrics.append(steps.assign(**file.keys, total_step=total))
        summary = read_json(summaries[key]) if key in summaries else {}
        runs.append(
            {
                **file.keys,
                "steps": len(steps),
                "seconds": steps["seconds"].sum() if "seconds" in steps else None,
                "tokens": int(steps["step_tokens"].sum()) if "step_tokens" in steps else None,
                "summary": json.dumps(summary, sort_keys=True),
            }
        )
    if metrics:
        connection.append("train_runs", pd.DataFrame(runs), by_name=True)
        connection.register("logged", pa.Table.from_pandas(pd.concat(metrics), preserve_index=False))
        run(connection, "load_train_metrics")
        connection.unregister("logged")

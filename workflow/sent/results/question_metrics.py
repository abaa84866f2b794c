"""Every metric as one number a question: a benchmark's score is its mean over the questions."""

import numpy as np
import pandas as pd

from sent.results.statistics import pass_at_k

RUN = ["model", "method", "seed"]


def question_metrics(counted: pd.DataFrame, blocks: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return for every benchmark a frame ``[questions, runs x metrics]``.

    ``counted`` and ``blocks`` are the tables `question_scores` and `question_blocks`. Columns are
    ``(model, method, seed, metric)``. A metric that needs more responses than a question has is NaN.
    """
    by_block = {keys: part for keys, part in blocks.groupby([*RUN, "benchmark", "k"], sort=False)}
    sizes = sorted(blocks["k"].unique())
    found: dict[str, dict] = {}
    for (*run, benchmark), part in counted.groupby([*RUN, "benchmark"], sort=False):
        part = part.set_index("question_id").sort_index()
        parts = {k: by_block.get((*run, benchmark, k)) for k in sizes}
        parts = {k: b.set_index("question_id").reindex(part.index) for k, b in parts.items() if b is not None}
        for metric, values in _metrics(part, parts).items():
            whole = values if np.isfinite(values).all() else np.full(len(values), np.nan)
            found.setdefault(benchmark, {})[(*run, metric)] = pd.Series(whole, index=part.index)
    names = [*RUN, "metric"]
    frames = {name: pd.DataFrame(columns) for name, columns in found.items()}
    return {name: f.rename_axis(columns=names) for name, f in frames.items()}


def _metrics(part: pd.DataFrame, blocks: dict[int, pd.DataFrame]) -> dict[str, np.ndarray]:
    """The metrics of one run on one benchmark, each ``[Q]``, in the order in which tables show them."""
    n = part["n"].to_numpy()
    fewest = int(n.min())
    several = {k: block for k, block in blocks.items() if k > 1}
    found = {f"pass@{k}": pass_at_k(n, part["n_correct"].to_numpy(), k) for k in blocks}
    for k, block in several.items():
        found[f"avg@{k}"] = block["first_correct"].to_numpy(float) / k
    found[f"avg@{fewest}"] = (part["n_correct"] / n).to_numpy()
    found[f"maj@{fewest}"] = part["majority_correct"].to_numpy(float)
    for k, block in several.items():
        whole = block["blocks"].to_numpy(float)
        whole[whole == 0] = np.nan
        found[f"paper_pass@{k}"] = block["blocks_paper_match"].to_numpy(float) / whole
        found[f"paper_avg@{k}"] = block["first_paper_match"].to_numpy(float) / k
    found["truncated"] = (part["n_truncated"] / n).to_numpy()
    found["no_answer"] = (part["n_no_answer"] / n).to_numpy()
    found["ungraded"] = (part["n_ungraded"] / n).to_numpy()
    found["mean_tokens"] = part["mean_tokens"].to_numpy(float)
    return found

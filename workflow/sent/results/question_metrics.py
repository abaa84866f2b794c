"""Every metric as one number a question: a benchmark's score is its mean over the questions."""

import numpy as np
import pandas as pd

from sent.statistics import g_pass_at_k, mean_g_pass_at_k, pass_at_k

RUN = ["model", "method", "seed"]


def question_metrics(counted: pd.DataFrame, blocks: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return for every benchmark a frame ``[questions, runs x metrics]``.

    ``counted`` and ``blocks`` are the tables `question_scores` and `question_blocks`, where every run has the same
    questions of a benchmark in the same order. Columns are ``(model, method, seed, metric)``. A metric that needs
    more responses than some question has is NaN.
    """
    counts = {str(name): counted[name].to_numpy() for name in counted}
    sizes = {str(name): blocks[name].to_numpy() for name in blocks}
    places = blocks.groupby([*RUN, "benchmark", "k"], sort=False).indices
    ks = sorted(blocks["k"].unique())
    names: dict[str, list[tuple]] = {}
    columns: dict[str, list[np.ndarray]] = {}
    for key, rows in counted.groupby([*RUN, "benchmark"], sort=False).indices.items():
        assert isinstance(key, tuple)
        *run, benchmark = key
        part = {name: values[rows] for name, values in counts.items()}
        parts = {k: {name: values[places[*key, k]] for name, values in sizes.items()} for k in ks}
        for metric, values in _metrics(part, parts).items():
            names.setdefault(benchmark, []).append((*run, metric))
            columns.setdefault(benchmark, []).append(values if np.isfinite(values).all() else values * np.nan)
    header = [*RUN, "metric"]
    return {
        benchmark: pd.DataFrame(
            np.column_stack(values), columns=pd.MultiIndex.from_tuples(names[benchmark], names=header)
        )
        for benchmark, values in columns.items()
    }


def _metrics(part: dict[str, np.ndarray], blocks: dict[int, dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The metrics of one run on one benchmark, each ``[Q]``, in the order in which tables show them."""
    n = part["n"]
    fewest = int(n.min())
    several = {k: block for k, block in blocks.items() if k > 1}
    found = {f"pass@{k}": pass_at_k(n, part["n_correct"], k) for k in blocks}
    for k in several:
        found[f"g_pass@{k}"] = g_pass_at_k(n, part["n_correct"], k)
        found[f"mg_pass@{k}"] = mean_g_pass_at_k(n, part["n_correct"], k)
    for k, block in several.items():
        found[f"avg@{k}"] = block["first_correct"].astype(float) / k
    found[f"avg@{fewest}"] = part["n_correct"] / n
    for k, block in several.items():
        enough = np.where(n < k, np.nan, 1.0)
        found[f"maj@{k}"] = block["majority_correct"].astype(float) * enough
    found[f"maj@{fewest}"] = part["majority_correct"].astype(float)
    for k, block in several.items():
        whole = np.where(block["blocks"] == 0, np.nan, block["blocks"])
        found[f"paper_pass@{k}"] = block["blocks_paper_match"] / whole
        found[f"paper_avg@{k}"] = block["first_paper_match"].astype(float) / k
    found["truncated"] = part["n_truncated"] / n
    found["no_answer"] = part["n_no_answer"] / n
    found["ungraded"] = part["n_ungraded"] / n
    found["mean_tokens"] = part["mean_tokens"].astype(float)
    found["answers"] = part["n_answers"].astype(float)
    found["semantic_entropy"] = part["semantic_entropy"].astype(float)
    return found

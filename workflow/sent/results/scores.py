"""Metrics with intervals, scores over training seeds, paired differences to baselines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from sent import statistics
from sent.results.queries import frame
from sent.results.question_metrics import RUN, question_metrics
from sent.seeding import generator_of

BASE = "base"
AVERAGE = "average"
COMPARISON = ["model", "benchmark", "metric"]


@dataclass(frozen=True)
class Baseline:
    """What others are compared with: a method, trained from the same model; or of recorded responses, which nobody trained
    here, a model."""

    name: str
    is_model: bool = False

    def of(self, model: str, method: str) -> tuple[str, str]:
        """Return model and method of the policy that this one is compared with."""
        return (self.name, method) if self.is_model else (model, self.name)


def fill(connection: DuckDBPyConnection, baselines: Sequence[Baseline]) -> None:
    """Fill `metrics`, `scores` and `paired_differences`, to each baseline, from `question_scores` and `question_blocks`."""
    counted = frame(connection, "FROM question_scores ORDER BY model, method, seed, benchmark, question_id")
    blocks = frame(connection, "FROM question_blocks ORDER BY model, method, seed, benchmark, k, question_id")
    if counted.empty:
        return
    subsets = {"all": (counted, blocks)}
    overlap = pd.MultiIndex.from_frame(
        frame(connection, "SELECT DISTINCT benchmark, question_id FROM overlap ORDER BY ALL")
    )
    if len(overlap):
        subsets["clean"] = tuple(
            table[~pd.MultiIndex.from_frame(table[["benchmark", "question_id"]]).isin(overlap)]
            for table in (counted, blocks)
        )
    for subset, (counted, blocks) in subsets.items():
        if counted.empty:  # every benchmark question was trained on
            continue
        for name, rows in _tables(counted, blocks, subset, baselines).items():
            connection.append(name, rows.assign(subset=subset), by_name=True)


def _tables(
    counted: pd.DataFrame, blocks: pd.DataFrame, subset: str, baselines: Sequence[Baseline]
) -> dict[str, pd.DataFrame]:
    """The three tables for one subset of the questions."""
    runs = question_metrics(counted, blocks)
    weights = {
        name: statistics.bootstrap_weights(len(values), generator_of("bootstrap", name, subset))
        for name, values in runs.items()
    }
    metrics = summarise(runs, weights).merge(_fewest_responses(counted), on=[*RUN, "benchmark"], how="left")
    over_seeds = {name: _mean_over_seeds(values) for name, values in runs.items()}
    keys = ["model", "method", "benchmark", "metric"]
    scores = summarise(over_seeds, weights)
    scores = scores.merge(_training_spread(metrics, keys), on=keys, how="left")
    scores = scores.merge(
        _evaluation_spread(counted, list(runs), sorted(blocks["k"].unique())), on=keys, how="left"
    )
    differences = [
        paired(runs, weights, subset, baseline).assign(baseline_position=position)
        for position, baseline in enumerate(baselines)
    ]
    return {
        "metrics": metrics,
        "scores": scores,
        "paired_differences": pd.concat(differences) if differences else pd.DataFrame(),
    }


def summarise(values: dict[str, pd.DataFrame], weights: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return a row for every column of every benchmark's frame ``[Q, C]``, and of their average.

    ``weights`` are a benchmark's bootstrap weights ``[R, Q]``, shared by all columns: those of two methods
    come from the same resampled questions. The average is over the columns that all benchmarks have.
    """
    parts = {
        name: _Summary(v.columns, v.to_numpy().mean(axis=0), weights[name] @ v.to_numpy(), len(v))
        for name, v in values.items()
    }
    rows = [part.rows(name) for name, part in parts.items()]
    return pd.concat([*rows, _average(list(parts.values())).rows(AVERAGE)], ignore_index=True)


class _Summary:
    """Means ``[C]`` of a benchmark's columns, and the same over resampled questions ``[R, C]``."""

    def __init__(self, columns: pd.Index, means: np.ndarray, resampled: np.ndarray, questions: int):
        self.columns, self.means, self.resampled, self.questions = columns, means, resampled, questions

    def rows(self, benchmark: str) -> pd.DataFrame:
        low, high = statistics.interval(self.resampled)
        keys = self.columns.to_frame(index=False)
        return keys.assign(
            benchmark=benchmark, value=self.means, low=low, high=high, n_questions=self.questions
        )


def _average(parts: list[_Summary]) -> _Summary:
    """The macro average: benchmarks weigh the same, and each is resampled by itself."""
    common = parts[0].columns
    for part in parts[1:]:
        common = common[common.isin(part.columns)]
    places = [part.columns.get_indexer(common) for part in parts]
    means = np.mean([part.means[place] for part, place in zip(parts, places, strict=True)], axis=0)
    resampled = np.mean([p.resampled[:, place] for p, place in zip(parts, places, strict=True)], axis=0)
    return _Summary(common, means, resampled, sum(part.questions for part in parts))


def paired(
    runs: dict[str, pd.DataFrame], weights: dict[str, np.ndarray], subset: str, baseline: Baseline
) -> pd.DataFrame:
    """Return differences of every method to the baseline, paired by training seed and question.

    ``runs`` are frames ``[Q, C]`` with columns ``(model, method, seed, metric)``, one a benchmark. With two seeds or more,
    intervals and p-values are over seeds and questions. With one they would be those of that one training: the
    interval is over questions, and there is no p-value, but where the baseline is a model: policies that nobody trained
    here are compared as they are, by sign flips.
    """
    differences = {
        name: found for name, v in runs.items() if (found := _differences(v, baseline)) is not None
    }
    if not differences:
        return pd.DataFrame()
    over_questions = {name: _mean_over_seeds(values) for name, values in differences.items()}
    rows = summarise(over_questions, weights).rename(columns={"value": "difference"})
    parts = [_over_seeds([values], name) for name, values in differences.items()]
    parts.append(_over_seeds(list(differences.values()), AVERAGE))
    rows = rows.merge(pd.concat(parts), on=["model", "method", "metric", "benchmark"], how="left")
    several = rows["seeds"] > 1
    rows["low"], rows["high"] = (
        rows[end].mask(several, rows[f"{end}_over_seeds"]) for end in ("low", "high")
    )
    if baseline.is_model:
        rows["p"] = _sign_flips(over_questions, subset)
    comparison = COMPARISON[1:] if baseline.is_model else COMPARISON
    rows["p_holm"] = rows.groupby(comparison)["p"].transform(lambda p: statistics.holm(p.to_numpy()))
    return rows.drop(columns=["low_over_seeds", "high_over_seeds"]).assign(baseline=baseline.name)


def _differences(values: pd.DataFrame, baseline: Baseline) -> pd.DataFrame | None:
    """Columns of every run minus those of its baseline's with the same seed and metric; None if there are none."""
    places = {key: place for place, key in enumerate(_keys(values.columns))}
    pairs = {}
    for key, place in places.items():
        model, method, seed, metric = key
        other = baseline.of(model, method)
        if (model, method) != other and (*other, seed, metric) in places:
            pairs[key] = place, places[*other, seed, metric]
    if not pairs:
        return None
    of_method, of_baseline = np.array(list(pairs.values())).T
    counted = values.to_numpy()  # a column at a time pandas takes 3 ms
    columns = pd.MultiIndex.from_tuples(list(pairs), names=[*RUN, "metric"])
    return pd.DataFrame(counted[:, of_method] - counted[:, of_baseline], index=values.index, columns=columns)


def _over_seeds(benchmarks: list[pd.DataFrame], name: str) -> pd.DataFrame:
    """Number of seeds, and interval and p-value over seeds and questions, of the mean over ``benchmarks``, called ``name``."""
    common = benchmarks[0].columns
    for other in benchmarks[1:]:
        common = common[common.isin(other.columns)]
    seeds_of: dict[tuple, list[int]] = {}
    for model, method, seed, metric in _keys(common):
        seeds_of.setdefault((model, method, metric), []).append(seed)
    parts = []
    for seeds in dict.fromkeys(map(tuple, seeds_of.values())):
        keys = [key for key, found in seeds_of.items() if tuple(found) == seeds]
        low = high = p = np.full(len(keys), np.nan)
        if len(seeds) > 1:
            places = [[(model, method, seed, metric) for model, method, metric in keys] for seed in seeds]
            stacked = [np.stack([values[place].to_numpy() for place in places]) for values in benchmarks]
            estimate = statistics.over_seeds_and_questions(stacked)
            (low, high), p = estimate.interval(), estimate.p()
        part = pd.DataFrame(keys, columns=["model", "method", "metric"])
        parts.append(
            part.assign(benchmark=name, seeds=len(seeds), low_over_seeds=low, high_over_seeds=high, p=p)
        )
    return pd.concat(parts)


def _sign_flips(differences: dict[str, pd.DataFrame], subset: str) -> np.ndarray:
    """P-values of mean differences, in the order of :func:`summarise`."""
    flipped = {}
    for name, values in differences.items():
        flips = statistics.sign_weights(len(values), generator_of("sign flips", name, subset))
        flipped[name] = _Summary(values.columns, values.to_numpy().mean(0), flips @ values.to_numpy(), 0)
    flipped[AVERAGE] = _average(list(flipped.values()))
    return np.concatenate([statistics.sign_flip_p(part.means, part.resampled) for part in flipped.values()])


def _mean_over_seeds(values: pd.DataFrame) -> pd.DataFrame:
    """Columns ``(model, method, metric)``: the mean over seeds, NaN where a seed has none."""
    seeds: dict[tuple, list[int]] = {}
    for place, (model, method, _, metric) in enumerate(_keys(values.columns)):
        seeds.setdefault((model, method, metric), []).append(place)
    data = values.to_numpy()
    means = {key: data[:, places].mean(axis=1) for key, places in seeds.items()}
    return pd.DataFrame(means, index=values.index).rename_axis(columns=["model", "method", "metric"])


def _keys(columns: pd.Index) -> list[tuple]:
    """Return what names each column: model, method and seed of its run, and a metric."""
    return cast(list[tuple], columns.to_list())


def _fewest_responses(counted: pd.DataFrame) -> pd.DataFrame:
    """The smallest number of responses to a question, by run and benchmark, and over all benchmarks."""
    by_benchmark = counted.groupby([*RUN, "benchmark"], as_index=False)["n"].min()
    over_all = counted.groupby(RUN, as_index=False)["n"].min().assign(benchmark=AVERAGE)
    return pd.concat([by_benchmark, over_all]).rename(columns={"n": "n_responses"})


def _training_spread(metrics: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Number of seeds and standard deviation over them; the untrained model's seeds are evaluations, not trainings."""
    by_seed = metrics.groupby(keys, sort=False)
    spread = by_seed.agg(seeds=("seed", "nunique"), sd_training=("value", "std")).reset_index()
    return spread.assign(sd_training=spread["sd_training"].mask(spread["method"] == BASE))


def _evaluation_spread(counted: pd.DataFrame, benchmarks: list[str], sizes: list[int]) -> pd.DataFrame:
    """Standard deviation over repeated evaluations, of metrics that come from counts of right responses."""
    variances: dict[tuple, list[float]] = {}
    for (model, method, seed, benchmark), part in counted.groupby([*RUN, "benchmark"], sort=False):
        n = part["n"].to_numpy()
        rng = generator_of("repeated evaluations", model, method, seed, benchmark)
        repeats = statistics.repeated_evaluations(n, part["n_correct"].to_numpy(), rng)
        by_metric = {f"pass@{k}": statistics.pass_at_k(n, repeats, k).mean(axis=1) for k in sizes}
        by_metric[f"avg@{n.min()}"] = (repeats / n).mean(axis=1)
        for metric, values in by_metric.items():
            variances.setdefault((model, method, benchmark, metric), []).append(float(np.var(values, ddof=1)))
    found = {key: float(np.mean(seeds)) for key, seeds in variances.items()}
    for model, method, metric in {(key[0], key[1], key[3]): None for key in found}:
        parts = [found.get((model, method, benchmark, metric), np.nan) for benchmark in benchmarks]
        found[model, method, AVERAGE, metric] = float(np.sum(parts)) / len(parts) ** 2
    rows = [(*key, np.sqrt(variance)) for key, variance in found.items()]
    return pd.DataFrame(rows, columns=["model", "method", "benchmark", "metric", "sd_evaluation"])

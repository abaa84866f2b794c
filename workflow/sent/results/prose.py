"""Sentences of the report, from the run's own settings and numbers."""

import json
from typing import Any

import pandas as pd

from sent.config.backends import ENTAILMENT
from sent.results import baselines, kept
from sent.results.experiment_data import ExperimentData
from sent.results.queries import run
from sent.results.scores import AVERAGE

DEFINITIONS = (
    "pass@k is the unbiased estimator 1 - C(n-c, k) / C(n, k) from n responses with c right ones; avg@n is "
    "the share of right responses. Intervals are 95% percentile intervals of a bootstrap over questions "
    "(2,000 resamples), the average weighs benchmarks equally. Differences between methods are paired by training seed "
    "and question; with two seeds or more, their intervals and p-values take both as drawn at random (crossed random "
    "effects, t quantiles weighted as by Cochran, 1964), and p-values are corrected over methods by Holm's procedure. "
    "With one seed, intervals are over questions and there are no p-values. Recorded responses of models are compared by "
    "sign flips (5,000)."
)


def abstract(data: ExperimentData) -> str:
    """Return what the experiment found, in a few sentences."""
    sentences = [*_entropy_found(data), *_scores_found(data), *_training_found(data)]
    sentences += [f"Off: {alarm}." for alarm in baselines.alarms(data.connection)]
    return " ".join(sentences) or "No stage of this experiment has run yet."


def _entropy_found(data: ExperimentData) -> list[str]:
    entropy = data.rows("table_semantic_entropy")
    if entropy.empty:
        return []
    means = ", ".join(
        f"{row.mean_semantic_entropy:.2f} for {data.models.get(row.model, row.model)}"
        for row in entropy.itertuples()
    )
    return [
        f"The mean semantic entropy of the initial responses ({entropy['samples'].max():,} responses to "
        f"{entropy['questions'].max():,} questions) is, in nats, {means}."
    ]


def _scores_found(data: ExperimentData) -> list[str]:
    scores = data.rows("select_leaderboard", benchmark=AVERAGE)
    scores = scores[scores["metric"].str.startswith("avg@")]
    if scores.empty:
        return []
    baseline = data.baseline
    sentences = [
        f"{model}: {'; '.join(_result(row, baseline) for row in part.itertuples())}."
        for model, part in scores.groupby("model", sort=False)
    ]
    [(_, questions, seeds)] = run(data.connection, "select_sizes").fetchall()
    if set(data.methods) == {"recorded"}:
        return [f"Scores are those of recorded responses to {questions:,} questions.", *sentences]
    return [
        f"Scores are means over {_counted(len(data.benchmarks), 'benchmark')} ({questions:,} questions) and "
        f"{_counted(seeds, 'training seed')}{'' if seeds > 1 else ', which proves nothing about a method'}.",
        *sentences,
    ]


def _result(row: Any, baseline: str) -> str:
    who = "the recorded responses reach" if row.method == "recorded" else f"{row.method} reaches"
    text = f"{who} {100 * row.value:.1f}% [{100 * row.low:.1f}, {100 * row.high:.1f}] {row.metric}"
    if pd.notna(row.difference):
        p = f", corrected p {row.p_holm:.2g}" if pd.notna(row.p_holm) else ""
        text += f" ({100 * row.difference:+.1f} points to {baseline}{p})"
    return text


def _training_found(data: ExperimentData) -> list[str]:
    """How token entropy moved: means over the first and over the last steps of training, and over seeds."""
    runs = data.rows("table_training")
    moved = (
        runs.groupby(["model", "method"], as_index=False)[["entropy_first", "entropy_last"]].mean().dropna()
    )
    sentences = []
    for model, label in data.models.items():
        part = moved[moved["model"] == model].set_index("method")
        words = [
            f"from {part.loc[m].entropy_first:.2f} to {part.loc[m].entropy_last:.2f} with {name}"
            for m, name in data.methods.items()
            if m in part.index
        ]
        if words:
            sentences.append(f"Over training, token entropy of {label} moves {', '.join(words)}.")
    return sentences


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def methods(data: ExperimentData) -> str:
    """Return a Methods paragraph to paste into a paper: what was run, with the values of this run."""
    settings = json.loads(data.rows("FROM experiment")["settings"][0])
    sizes = "SELECT dataset, count(*) AS n FROM questions GROUP BY dataset ORDER BY dataset"
    counts = {str(name): int(n) for name, n in data.rows(sizes).set_index("dataset")["n"].items()}
    parts = []
    if settings.get("data") or settings.get("recorded"):
        parts = [_sampling(settings, counts), _entropy(settings), *_curricula(data)]
    if set(settings["methods"]) - {"base"}:
        parts.append(_training(data, settings))
    if settings.get("recorded"):
        parts.append(DEFINITIONS)
    if settings["methods"]:
        parts += [_evaluation(data, settings, counts), DEFINITIONS]
    return " ".join([*parts, *_overrides(data, settings), *_recipes(data, settings)])


def _overrides(data: ExperimentData, settings: dict) -> list[str]:
    """What was set otherwise for one model."""
    return [
        f"Set otherwise for {data.models.get(model, model)}: "
        + ", ".join(
            f"{stage} {key} {value}" for stage, part in changes.items() for key, value in part.items()
        )
        + "."
        for model, changes in settings["overrides"].items()
    ]


def _recipes(data: ExperimentData, settings: dict) -> list[str]:
    """What methods share whatever their entries say, which of them keep their own, and what is set for one alone."""
    share = settings["methods_share"]
    sentences = [f"All methods share {_listed(share)}."] if share else []
    for method in data.rows("FROM methods ORDER BY position").itertuples():
        entry = json.loads(str(method.settings))
        if own := {key: entry[key] for key in entry.get("keeps", []) if key in share}:
            sentences.append(f"{method.label} keeps its own {_listed(own)}.")
        if entry.get("training"):
            sentences.append(f"Trained otherwise by {method.label} alone: {_listed(entry['training'])}.")
    return sentences


def _listed(values: dict) -> str:
    """Keys and values in words: `lr 0.1, decoding top_p 0.9`."""
    pairs = [
        (key, _listed(value) if isinstance(value, dict) else json.dumps(value).strip('"'))
        for key, value in values.items()
    ]
    return ", ".join(f"{key} {value}" for key, value in pairs)


def _sampling(settings: dict, counts: dict[str, int]) -> str:
    train = counts.get("train", 0)
    if settings.get("recorded"):
        return f"Recorded responses to {train:,} questions were analysed."
    sampling = settings["sampling"]
    return (
        f"For each of {train:,} training questions, {sampling['n']} responses were drawn from the initial "
        f"policy ({_decoding(sampling['decoding'])})."
    )


def _decoding(decoding: dict) -> str:
    parts = [f"temperature {decoding['temperature']}", f"at most {decoding['max_new_tokens']:,} tokens"]
    if decoding["top_p"] < 1:
        parts.insert(1, f"top-p {decoding['top_p']}")
    if decoding["top_k"]:
        parts.insert(1, f"top-k {decoding['top_k']}")
    return ", ".join(parts)


def _entropy(settings: dict) -> str:
    entropy = settings["semantic_entropy"]
    judge = ENTAILMENT[entropy["entailment"]]
    uses_model = entropy["nli_model"] and judge.model != "none"
    model = f" ({entropy['nli_model']})" if uses_model else ""
    return (
        f"Responses were clustered by the meaning of their final answers, judged by {judge.words}{model}, and "
        "semantic entropy is SE(q) = -sum_k (n_k/N) ln (n_k/N) over the clusters of a question."
    )


def _curricula(data: ExperimentData) -> list[str]:
    """A sentence for every order of the questions that has stages."""
    score = {
        "n_clusters": "number of clusters",
        "error_rate": "pass rate",
        "mean_tokens": "length of responses",
    }
    sentences = []
    for row in data.rows("SELECT label, settings FROM curricula ORDER BY position").itertuples():
        settings = json.loads(str(row.settings))
        by = score.get(settings["score"], "semantic entropy")
        order = {
            "ascending": f"from easy to hard by {by}",
            "reverse": f"from hard to easy by {by}",
            "random": "at random",
        }[settings["order"]]
        if settings["n_stages"] > 1:
            sentences.append(
                f"Questions were divided {order} into {settings['n_stages']} stages ({row.label})."
            )
    return sentences


FALLING = {"linear": " that falls linearly to 0", "cosine": " that falls to 0 along a cosine"}
"""What follows the learning rate, by its schedule."""


def _training(data: ExperimentData, settings: dict) -> str:
    training = settings["training"]
    trained = [label for name, label in data.methods.items() if name != "base"]
    length = f"{training['steps']} rollout steps" if training["steps"] else f"{training['epochs']:g} epochs"
    falling = FALLING.get(training["lr_schedule"], "")
    updates = max(1, round(training["prompts_per_step"] / training["minibatch_prompts"]))
    return (
        f"{', '.join(data.models.values())} were trained with {', '.join(trained)} for {length} of "
        f"{training['prompts_per_step']} prompts with {training['responses_per_prompt']} responses each, "
        f"{updates} optimizer update{'s' if updates > 1 else ''} a rollout, AdamW at a learning rate of "
        f"{training['lr']:g}{falling}, {_counted(len(settings['seeds']), 'seed')}; rollouts at "
        f"{_decoding(training['decoding'])}."
    )


def _evaluation(data: ExperimentData, settings: dict, counts: dict[str, int]) -> str:
    evaluation = settings["evaluation"]
    sizes = ", ".join(f"{label} ({counts.get(name, 0):,})" for name, label in data.benchmarks.items())
    return (
        f"Policies were evaluated on {sizes} with {evaluation['n']} responses a question "
        f"({_decoding(evaluation['decoding'])}).{kept.sentence(data.connection)}"
    )

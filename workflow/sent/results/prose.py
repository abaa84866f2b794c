"""Sentences of the report, from the run's own settings and numbers."""

import json

import pandas as pd

from sent.results.figures.canvas import Canvas
from sent.results.scores import AVERAGE, BASELINE

DEFINITIONS = (
    "pass@k is the unbiased estimator 1 - C(n-c, k) / C(n, k) from n responses with c right ones; avg@n is "
    "the share of right responses. Intervals are 95% percentile intervals of a bootstrap over questions "
    "(2,000 resamples), the average weighs benchmarks equally. Differences are paired by question; p-values "
    "come from sign flips (5,000) and are corrected over methods by Holm's procedure."
)


def abstract(canvas: Canvas) -> str:
    """Return what the experiment found, in a few sentences."""
    scores = canvas.rows("select_leaderboard", benchmark=AVERAGE)
    entropy = canvas.rows("table_semantic_entropy")
    sentences = []
    if len(entropy):
        means = ", ".join(
            f"{row.mean_semantic_entropy:.2f} for {canvas.models.get(row.model, row.model)}"
            for row in entropy.itertuples()
        )
        sentences.append(
            f"Semantic entropy of the initial responses ({entropy['samples'].max():,} to {entropy['questions'].max():,} "
            f"questions) is {means}, in nats on average."
        )
    main = scores[scores["metric"].str.startswith("avg@")]
    for model, part in main.groupby("model", sort=False):
        sentences.append(f"{model}: {'; '.join(_result(row) for row in part.itertuples())}.")
    if not sentences:
        sentences.append("No stage of this experiment has run yet.")
    return " ".join(sentences)


def _result(row) -> str:
    text = f"{row.method} reaches {100 * row.value:.1f}% {row.metric}"
    if pd.notna(row.difference):
        text += f" ({100 * row.difference:+.1f} points to {BASELINE}, corrected p {row.p_holm:.2g})"
    return text


def methods(canvas: Canvas) -> str:
    """Return a Methods paragraph to paste into a paper: what was run, with the values of this run."""
    settings = json.loads(canvas.rows("select_experiment")["settings"][0])
    counts = canvas.rows("select_question_counts").set_index("dataset")["n"].to_dict()
    parts = [_sampling(settings, counts), _entropy(settings), _curriculum(settings)]
    if settings["methods"]:
        parts += [_training(canvas, settings), _evaluation(canvas, settings, counts), DEFINITIONS]
    return " ".join(parts)


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
    judge = {
        "hybrid": "exact match, then symbolic comparison, then an entailment model",
        "nli": "an entailment model",
        "math_verify": "symbolic comparison in both directions",
        "exact": "exact match after normalisation",
        "embedding": "cosine similarity of sentence embeddings",
    }[entropy["entailment"]]
    uses_model = entropy["nli_model"] and entropy["entailment"] in ("hybrid", "nli", "embedding")
    model = f" ({entropy['nli_model']})" if uses_model else ""
    return (
        f"Responses were clustered by the meaning of their final answers, judged by {judge}{model}, and "
        "semantic entropy is SE(q) = -sum_k (n_k/N) ln (n_k/N) over the clusters of a question."
    )


def _curriculum(settings: dict) -> str:
    curriculum = settings["curriculum"]
    order = {
        "semantic_entropy": "in ascending order of semantic entropy",
        "reverse": "in descending order of semantic entropy",
        "random": "at random",
    }[curriculum["order"]]
    return f"Questions were divided {order} into {curriculum['n_stages']} stages."


def _training(canvas: Canvas, settings: dict) -> str:
    training = settings["training"]
    trained = [label for name, label in canvas.methods.items() if name != "base"]
    length = f"{training['steps']} rollout steps" if training["steps"] else f"{training['epochs']:g} epochs"
    updates = max(1, round(training["prompts_per_step"] / training["minibatch_prompts"]))
    seeds = len(settings["seeds"])
    return (
        f"{', '.join(canvas.models.values())} were trained with {', '.join(trained)} for {length} of "
        f"{training['prompts_per_step']} prompts with {training['responses_per_prompt']} responses each, "
        f"{updates} optimizer update{'s' if updates > 1 else ''} a rollout, AdamW at a learning rate of "
        f"{training['lr']:g}, {seeds} seed{'s' if seeds > 1 else ''}; rollouts at "
        f"{_decoding(training['decoding'])}."
    )


def _evaluation(canvas: Canvas, settings: dict, counts: dict[str, int]) -> str:
    evaluation = settings["evaluation"]
    sizes = ", ".join(f"{label} ({counts.get(name, 0):,})" for name, label in canvas.benchmarks.items())
    return (
        f"Policies were evaluated on {sizes} with {evaluation['n']} responses a question "
        f"({_decoding(evaluation['decoding'])})."
    )

"""From texts to semantic entropy by one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sent.config import SemanticEntropy, parse
from sent.errors import SentError
from sent.semantic_entropy.clustering import Answers, Clustering, cluster
from sent.semantic_entropy.entailment import Entailment
from sent.semantic_entropy.entailment.loading import load_entailment
from sent.semantic_entropy.stated import StatedAnswers
from sent.semantic_entropy.summary import Record, summarise


@dataclass(frozen=True)
class Measured:
    """What the responses to one question mean, and how much they disagree (entropies in nats).

    ``answers``: what each response states, or None; ``clusters``: the number of its meaning, counted from 0 in order of
    appearance (-1: dropped); ``estimators``: every column of the semantic entropy table, by name.
    """

    semantic_entropy: float
    n_clusters: int
    n_unparsable: int
    clusters: list[int]
    answers: list[str | None]
    decided_by: list[str]
    estimators: dict[str, float | int | None]


def semantic_entropy(
    question: str,
    responses: Sequence[str | None],
    *,
    entailment: str | Entailment = "math_verify",
    model: str | Path | None = None,
    logprobs: Sequence[Sequence[float]] | None = None,
    bare_answers: bool = False,
    **settings: Any,
) -> Measured:
    """Cluster the responses to a question by meaning and return their semantic entropy.

    ``entailment``: a name (``exact``, ``math_verify``, ``hybrid``, ``nli``, ``embedding``) with ``model``, the folder of its
    model, where it needs one; or an open backend of :func:`load_entailment`, which many calls share. ``logprobs``: of the
    tokens of every response. ``bare_answers``: the responses are answers already; else the final answer is taken from
    each. ``settings``: any of ``config.SemanticEntropy``, such as ``criterion`` or ``answer_phrases``. Raises
    :class:`SentError` for settings that do not exist, and where ``logprobs`` do not fit the responses.
    """
    if isinstance(responses, str):
        raise SentError("semantic_entropy: `responses` is one text; expected a list of texts")
    if logprobs is not None and len(logprobs) != len(responses):
        raise SentError(
            f"semantic_entropy: {len(logprobs)} `logprobs` for {len(responses)} responses; expected a list for each"
        )
    named = {"entailment": entailment} if isinstance(entailment, str) else {}
    chosen = parse(SemanticEntropy, {**settings, **named}, "semantic_entropy")
    stated = StatedAnswers(bare_answers, chosen.answer_phrases, chosen.thinking_tags)
    answers = [stated(response or "") for response in responses]
    if isinstance(entailment, str):
        with load_entailment(chosen, model) as backend:
            found = _clustered(question, answers, backend, chosen)
    else:
        found = _clustered(question, answers, entailment, chosen)
    told = [None] * len(responses) if logprobs is None else logprobs
    sums = [None if tokens is None else float(sum(tokens)) for tokens in told]
    counts = [None if tokens is None else len(tokens) for tokens in told]
    record = Record("", question, answers, list(range(len(answers))), counts, sums)
    row = summarise(record, found, chosen)
    return Measured(
        row["semantic_entropy"],
        row["n_clusters"],
        row["n_unparsable"],
        found.labels,
        answers,
        found.decided_by,
        {name: value for name, value in row.items() if name not in ("question_id", "accuracy")},
    )


def _clustered(
    question: str, answers: list[str | None], backend: Entailment, settings: SemanticEntropy
) -> Clustering:
    [found] = cluster([Answers(question, answers)], backend, settings.criterion, settings.unparsable)
    return found

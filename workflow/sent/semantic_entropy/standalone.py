"""Semantic entropy of anybody's samples: any file of rows in, a line of JSON a question out."""

import sys
from contextlib import redirect_stdout
from typing import Any

from sent.batching import of_a_stream
from sent.config import RowFormat, SemanticEntropy
from sent.lines import Lines
from sent.log import logger
from sent.semantic_entropy.clustering import Answers, cluster
from sent.semantic_entropy.entailment.loading import load_entailment
from sent.semantic_entropy.own_samples import read
from sent.semantic_entropy.stated import StatedAnswers
from sent.semantic_entropy.summary import summarise

_CHUNK = 1000
"""Questions in memory at once, or fewer with very long answers."""

_GRADED_ONLY = ("question_id", "accuracy")


def run(
    path: str,
    format: RowFormat,
    settings: SemanticEntropy,
    model: str | None,
    whole: bool = False,
    estimators: bool = False,
) -> None:
    """Print ``id``, ``semantic_entropy`` (discrete, nats), ``n_clusters`` and ``clusters`` for each question.

    ``whole``: the responses are answers; else the final answer is taken from each. ``estimators`` adds the
    other columns of the semantic entropy table. Raises :class:`SentError` that names a bad row.
    """
    stated = StatedAnswers(whole, settings.answer_phrases, settings.thinking_tags)
    records = read(path, stated, format)
    # Some libraries greet on standard output, which is for JSON alone.
    with (
        Lines("question") as lines,
        redirect_stdout(sys.stderr),
        load_entailment(settings, model) as entailment,
    ):
        for chunk in of_a_stream(
            records, _CHUNK, lambda one: sum(len(text or "") for text in one[1].answers)
        ):
            questions = [Answers(record.text, record.answers) for _, record in chunk]
            found = cluster(questions, entailment, settings.criterion, settings.unparsable)
            lines.print(
                {
                    "id": given,
                    **_shown(summarise(record, each, settings), estimators),
                    "clusters": each.labels,
                }
                for (given, record), each in zip(chunk, found, strict=True)
            )
    logger.info("semantic entropy of %d questions", lines.done)
    if stated.taken_whole:
        logger.info(
            "%d of %d responses have no box and no phrase such as 'the answer is': being short, they were taken whole",
            stated.taken_whole,
            stated.responses,
        )
    if stated.silent:
        logger.warning(
            "%d of %d responses state no answer and count as `unparsable: %s`; --bare-answers compares responses whole",
            stated.silent,
            stated.responses,
            settings.unparsable,
        )


def _shown(row: dict[str, Any], estimators: bool) -> dict[str, Any]:
    first = {name: row[name] for name in ("semantic_entropy", "n_clusters")}
    return first | {name: row[name] for name in row if estimators and name not in _GRADED_ONLY}

"""Training that goes nowhere, told from the metrics of its last steps."""

from collections.abc import Sequence
from statistics import median

from sent.grading.warnings import SEE
from sent.grading.warnings import warnings as warnings_of_responses
from sent.log import logger

STEPS = 10
"""So many steps in a row are worth a warning."""


SPIKE = 10
"""A gradient's norm so many times the median of the last steps is told of."""


def is_spike(norm: float | None, rows: Sequence[dict]) -> bool:
    """Return whether a gradient's norm is far above those of the last 20 steps; not before there are ten of them."""
    norms = [row["grad_norm"] for row in rows[-2 * STEPS :] if row.get("grad_norm") is not None]
    return norm is not None and len(norms) >= STEPS and norm > SPIKE * median(norms)


def warnings(rows: Sequence[dict], where: str = "training") -> list[str]:
    """Return a sentence for each fault that all of the last 10 steps show; none before there are as many.

    ``rows`` are the steps' metrics, see :func:`sent.training.step_metrics.rollout_metrics`.
    """
    last = rows[-STEPS:]
    if len(last) < STEPS:
        return []

    def lowest(name: str) -> float:
        return min(row.get(name) or 0.0 for row in last)

    found = []
    teaches = lowest("flat_groups") < 1
    if not any(row.get("accuracy", row["reward"]) > 0 for row in last):
        found.append(
            f"{where}: no response of the last {STEPS} steps was right{'' if teaches else ', so nothing is learnt'}: read a "
            f"few responses beside their gold answers; are these whole sentences, is the prompt the model's own? {SEE}"
        )
    elif not teaches:
        found.append(
            f"{where}: in the last {STEPS} steps no advantage differed from 0: the responses to each question are alike to "
            f"this method; take other questions, more responses, or a higher temperature {SEE}"
        )
    return found + warnings_of_responses(where, lowest("no_answer_share"), lowest("truncated_share"))


def warn(rows: Sequence[dict]) -> None:
    """Log these sentences every 10 steps."""
    if len(rows) % STEPS == 0:
        for sentence in warnings(rows):
            logger.warning("%s", sentence)

"""Training that goes nowhere, told from the metrics of its last steps."""

import re
from collections.abc import Sequence
from statistics import median

from sent.grading.warnings import SEE
from sent.grading.warnings import warnings as warnings_of_responses
from sent.log import logger

STEPS = 10
"""So many steps in a row are worth a warning."""


ENTROPY_FLOOR = 0.02
"""Nats a token below which the policy says nearly the same whatever is drawn."""

FAR_SHARE = 0.01
"""Share of tokens on which sampler and trainer may differ by more than a factor of two."""

GAP_RISE, GAP_FLOOR = 3, 0.002
"""The gap between sampler and trainer may become so many times that of the first steps, or so many nats a token."""

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
    entropies = [row["entropy"] for row in last if row.get("entropy") is not None]
    if len(entropies) == STEPS and max(entropies) < ENTROPY_FLOOR:
        found.append(
            f"{where}: the entropy of tokens stayed below {ENTROPY_FLOOR} nats for {STEPS} steps, so responses hardly differ any "
            f"more: a lower `lr`, a method that keeps entropy up (sent, kl_cov, an `entropy` target), a higher temperature {SEE}"
        )
    if (far := lowest("importance_far_share")) > FAR_SHARE:
        found.append(
            f"{where}: sampler and trainer differ by more than a factor of two on {far:.1%} of the tokens or more: set "
            f"`importance_cap: 2`, or let both compute in the same precision (`dtype`, vllm.extra) {SEE}"
        )
    gaps = [row["sampler_gap"] for row in rows if row.get("sampler_gap") is not None]
    start, now = (sum(part) / max(1, len(part)) for part in (gaps[:STEPS], gaps[-STEPS:]))
    if len(gaps) >= 2 * STEPS and now > max(GAP_RISE * start, GAP_FLOOR):
        found.append(
            f"{where}: the gap between sampler and trainer rose from {start:.4f} to {now:.4f} nats a token; training stops at "
            f"`logprob_tolerance`: has the engine the current weights, is its precision enough? `importance_cap: 2` {SEE}"
        )
    return found + warnings_of_responses(where, lowest("no_answer_share"), lowest("truncated_share"))


def warn(rows: Sequence[dict], said: set[str]) -> None:
    """Log these sentences, each once: ``said`` remembers them without the numbers in them."""
    for sentence in warnings(rows):
        kind = re.sub(r"[\d.]+", "", sentence)
        if kind not in said:
            logger.warning("%s", sentence)
        said.add(kind)

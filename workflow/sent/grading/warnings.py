"""Shares of verdicts that say that something is wrong with prompt, decoding or extraction rather than with the answers."""

from collections import Counter

from sent.log import logger

LIMIT = 0.3
"""Share of the responses above which it is worth a look."""

SEE = "(docs/troubleshooting.md)"
"""What sentences to act on end with; `python -m sent status` finds them in logs by it."""


def warnings(where: str, no_answer: float, truncated: float) -> list[str]:
    """Return a sentence for each share of the responses that is above 30%.

    ``no_answer``: the share in which no final answer was found, though they were not cut off; ``truncated``: the
    share that the length limit cut off.
    """
    found = []
    if no_answer > LIMIT:
        found.append(
            f"{where}: no answer was found in {no_answer:.0%} of the responses: read a few; does the prompt ask for "
            f"\\boxed{{}}, do `grading.fallback_phrases` name how this model answers? {SEE}"
        )
    if truncated > LIMIT:
        found.append(
            f"{where}: {truncated:.0%} of the responses were cut off: raise `decoding.max_new_tokens`, or name in "
            f"`decoding.stop` what should have ended them {SEE}"
        )
    return found


def warn(where: str, verdicts: Counter[str], truncated: int) -> None:
    """Log these sentences for graded responses, counted by verdict; ``truncated``: how many were cut off."""
    total = max(1, verdicts.total())
    for sentence in warnings(where, verdicts["no_answer"] / total, truncated / total):
        logger.warning("%s", sentence)

"""Verdicts that say that something is wrong with prompt, decoding or extraction rather than with the answers."""

from collections.abc import Mapping

from sent.log import logger

LIMIT = 0.3
"""Share of the responses above which a verdict is worth a look."""

ADVICE = {
    "no_answer": "state no answer that was found: look at a few texts; does the prompt ask for \\boxed{}, does "
    "`grading.fallback_phrases` name how these models answer?",
    "truncated": "were cut off before an answer: raise `decoding.max_new_tokens`, or set `decoding.stop`",
}


def warnings(where: str, verdicts: Mapping[str, int]) -> list[str]:
    """Return a sentence for each kind of verdict that more than 30% of the responses have."""
    total = sum(verdicts.values())
    return [
        f"{where}: {verdicts[name] / total:.0%} of {total:,} responses {words} (docs/troubleshooting.md)"
        for name, words in ADVICE.items()
        if total and verdicts.get(name, 0) > LIMIT * total
    ]


def warn(where: str, verdicts: Mapping[str, int]) -> None:
    """Log these sentences."""
    for sentence in warnings(where, verdicts):
        logger.warning("%s", sentence)

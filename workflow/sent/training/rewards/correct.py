"""One for a right answer."""


def correct(verdict: str, response: str, question: object) -> float:
    """Return 1 where the grader says `correct`, else 0."""
    return float(verdict == "correct")

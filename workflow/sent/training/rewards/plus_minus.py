"""One for a right answer, minus one for any other."""


def plus_minus(verdict: str, response: str, question: object) -> float:
    """Return 1 where the grader says `correct`, else -1, as SENT's released code and DAPO do."""
    return 1.0 if verdict == "correct" else -1.0

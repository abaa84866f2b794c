"""What reasoning-gym's verifiers give, for questions that it made."""

import atexit
import functools
from typing import Any

from sent.config import Grading
from sent.errors import SentError
from sent.grading.extract import extract_answer
from sent.grading.verifier import Verifier


def reasoning_gym(verdict: str, response: str, question: Any) -> float:
    """Return the score, 0 to 1, of the response's answer by the verifier of the question's family; 0 without an answer.

    The family is the first part of the id that :mod:`sent.data.reasoning` gives.
    """
    answer = extract_answer(response, Grading().fallback_phrases)
    if answer is None:
        return 0.0
    family, *rest = question.id.rsplit("-", 2)
    if len(rest) != 2:
        raise SentError(f"question '{question.id}' was not made by reasoning-gym; use the reward `correct`")
    return _verifier().score(family, answer, question.answer)


@functools.cache
def _verifier() -> Verifier:
    verifier = Verifier()
    atexit.register(verifier.close)
    return verifier

"""The answer that a response states, whatever kind of response it is."""

from sent.grading.extract import BOX, extract_answer

_PHRASES = ("answer is", "answer:")
"""Where a response has no box, its answer is what follows the last of these."""

_LONGEST_BARE = 200
"""Characters: a longer text without a box or phrase is taken for reasoning that was cut off, not for an answer."""


class StatedAnswers:
    """Takes the final answer out of responses: the last box, else what follows a phrase, else a short text whole.

    Thinking (up to ``</think>``) is passed over; thinking that never ends states no answer. ``whole``: responses
    are answers already, however long. Counts how the answers were found.
    """

    def __init__(self, whole: bool = False):
        self.whole = whole
        self.responses = self.taken_whole = self.silent = 0

    def __call__(self, response: str) -> str | None:
        """Return the answer, or None."""
        self.responses += 1
        answer = response.strip() if self.whole else self._stated(response)
        self.silent += not answer
        return answer or None

    def _stated(self, response: str) -> str | None:
        if answer := extract_answer(response, _PHRASES):
            return answer
        said = response.rpartition("</think>")[2].strip()
        if not said or len(said) > _LONGEST_BARE or "<think>" in said or BOX.search(said):
            return None
        self.taken_whole += 1
        return said

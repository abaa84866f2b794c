"""The answer that a response states, whatever kind of response it is."""

from collections.abc import Mapping, Sequence

from sent.config.grading import THINKING_TAGS
from sent.grading.extract import BOX, Thinking, extract_answer
from sent.grading.phrases import PHRASES, without_end_tokens

_LONGEST_BARE = 200
"""Characters: a longer text without a box or phrase is taken for reasoning that was cut off, not for an answer."""


class StatedAnswers:
    """Takes the final answer out of responses: the last box, else what a phrase announces, else a short text whole.

    Thinking is passed over; thinking that never ends states no answer. ``whole``: responses are answers already,
    however long. Counts how the answers were found.
    """

    def __init__(
        self,
        whole: bool = False,
        phrases: Sequence[str] = PHRASES,
        thinking_tags: Mapping[str, str] = THINKING_TAGS,
    ):
        self.whole, self.phrases, self.thinking = whole, phrases, Thinking(thinking_tags)
        self.responses = self.taken_whole = self.silent = 0

    def __call__(self, response: str) -> str | None:
        """Return the answer, or None."""
        self.responses += 1
        answer = response.strip() if self.whole else self._stated(response)
        self.silent += not answer
        return answer or None

    def _stated(self, response: str) -> str | None:
        if answer := extract_answer(response, self.phrases, thinking=self.thinking):
            return answer
        said = without_end_tokens(self.thinking.after(response, read_unclosed=True)).strip()
        if not said or len(said) > _LONGEST_BARE or BOX.search(said) or self.thinking.tags_in(said):
            return None
        self.taken_whole += 1
        return said

"""Find the final answer that a response commits to."""

import re
from collections.abc import Mapping, Sequence

from sent.config.grading import THINKING_TAGS
from sent.grading.phrases import announced

BOX = re.compile(r"\\(?:boxed|fbox|framebox|Boxed)(?![a-zA-Z])\s*")
LONGEST_START = len(r"\frame")  # of a box's macro, before "box"
BARE_BOXED = re.compile(r"(?:\\[a-zA-Z]+(?:\{[^{}]*\})*|\\[^a-zA-Z\s)\]]|[^\s${}\\])+")
BRACE = re.compile(r"\\[\\{}]|[{}]")
NOTHING = re.compile(r"(?:\s|\\[ ,;:!]|\\q?quad|[~{}$])*")


class Thinking:
    """Tags around a model's thinking: what opens it -> what closes it. An answer stands behind the last closing one."""

    def __init__(self, tags: Mapping[str, str] = THINKING_TAGS):
        self.opening, self.closing = list(tags), list(tags.values())
        every = [*self.opening, *self.closing]
        self._by_first_sign = [
            (first, [tag for tag in every if tag[0] == first]) for first in {tag[0] for tag in every}
        ]

    def tags_in(self, text: str) -> list[str]:
        """Tags that stand in a text; where their first sign does not, they are not looked for one by one."""
        return [tag for first, group in self._by_first_sign if first in text for tag in group if tag in text]

    def after(self, text: str, read_unclosed: bool = False) -> str:
        """Return what follows the last end of thinking, up to where it would begin again unless ``read_unclosed``."""
        tags = self.tags_in(text)
        if not tags:
            return text
        text = text[max((text.rfind(tag) + len(tag) for tag in tags if tag in self.closing), default=0) :]
        if read_unclosed:
            return text
        places = [text.find(tag) for tag in tags if tag in self.opening]
        return text[: min((place for place in places if place >= 0), default=len(text))]


USUAL = Thinking()


def extract_answer(
    text: str, phrases: Sequence[str] = (), read_unclosed_thinking: bool = False, thinking: Thinking = USUAL
) -> str | None:
    r"""Return the content of the last box of the answer part of ``text``, or None if it states no answer.

    The answer part is what follows the last closing tag of ``thinking``; thinking that never ends leaves none, unless
    ``read_unclosed_thinking``. Boxes are ``\boxed{..}``, ``\fbox{..}`` and the like, also ``\boxed 5``. Empty and
    unclosed boxes count as none at all, so the last box that is whole and holds something is taken; of nested
    boxes the outermost one. Where there is no box, what the last of ``phrases`` (such as "the answer is") announces
    is taken, see ``phrases.py``. Takes time linear in the length of the text.
    """
    text = thinking.after(text, read_unclosed_thinking)
    return _last_box(text) or (announced(text, phrases) if phrases else None)


def unbox(answer: str, thinking: Thinking = USUAL) -> str:
    """Return a bare answer as it is, unless it holds a box or thinking: then what is extracted, or nothing."""
    if ("ox" in answer and BOX.search(answer)) or thinking.tags_in(answer):
        return extract_answer(answer, thinking=thinking) or ""
    return answer


def _last_box(text: str) -> str | None:
    places = [place for place in (text.find("box"), text.find("Box")) if place >= 0]
    if not places:
        return None
    closing = None
    found, covered = None, -1
    for match in BOX.finditer(text, max(0, min(places) - LONGEST_START)):
        start = match.end()
        if start < covered or start >= len(text):
            continue
        if text[start] != "{":
            bare = BARE_BOXED.match(text, start)
            content = bare.group().rstrip(".,;:!?") if bare else ""
            end = start + len(content)
        else:
            closing = _closing_braces(text, start) if closing is None else closing
            end = closing.get(start, -1)
            if end < 0:
                continue
            content = text[start + 1 : end]
        if not NOTHING.fullmatch(content):
            found, covered = _without_inner_boxes(content.strip()), end
    return found


def _closing_braces(text: str, start: int) -> dict[int, int]:
    """Position of each opening brace from ``start`` on -> position of its closing one; ``\\{`` is no brace."""
    pairs, stack = {}, []
    for match in BRACE.finditer(text, start):
        if match.group() == "{":
            stack.append(match.start())
        elif match.group() == "}" and stack:
            pairs[stack.pop()] = match.start()
    return pairs


def _without_inner_boxes(content: str) -> str:
    if not BOX.search(content):
        return content
    content = BOX.sub("", content)
    closing, start, end = _closing_braces(content, 0), 0, len(content)
    while start < end and closing.get(start) == end - 1:
        start, end = start + 1, end - 1
    return content[start:end]

"""Find the final answer that a response commits to."""

import re
from collections.abc import Mapping, Sequence

from sent.config.grading import THINKING_TAGS
from sent.grading.phrases import announced

BOX = re.compile(r"\\(?:boxed|fbox|framebox|Boxed)(?![a-zA-Z])\s*")
BARE_BOXED = re.compile(r"(?:\\[a-zA-Z]+(?:\{[^{}]*\})*|\\[^a-zA-Z\s)\]]|[^\s${}\\])+")
BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
NOTHING = re.compile(r"(?:\s|\\[ ,;:!]|\\q?quad|[~{}$])*")


def extract_answer(
    text: str,
    phrases: Sequence[str] = (),
    read_unclosed_thinking: bool = False,
    thinking_tags: Mapping[str, str] = THINKING_TAGS,
) -> str | None:
    r"""Return the content of the last box of the answer part of ``text``, or None if it states no answer.

    The answer part is what follows the last closing tag of thinking; thinking that never ends leaves none, unless
    ``read_unclosed_thinking``. Boxes are ``\boxed{..}``, ``\fbox{..}`` and the like, also ``\boxed 5``. Empty and
    unclosed boxes count as none at all, so the last box that is whole and holds something is taken; of nested
    boxes the outermost one. Where there is no box, what the last of ``phrases`` (such as "the answer is") announces
    is taken, see ``phrases.py``. Takes time linear in the length of the text.
    """
    text = after_thinking(text, thinking_tags, read_unclosed_thinking)
    return _last_box(text) or (announced(text, phrases) if phrases else None)


def after_thinking(
    text: str, tags: Mapping[str, str] = THINKING_TAGS, read_unclosed_thinking: bool = False
) -> str:
    """Return what follows the last end of thinking, up to where it would begin again."""
    end = max((place + len(tag) for tag in tags.values() if (place := text.rfind(tag)) >= 0), default=0)
    text = text[end:]
    if read_unclosed_thinking:
        return text
    return text[: min((place for tag in tags if (place := text.find(tag)) >= 0), default=len(text))]


def unbox(answer: str, thinking_tags: Mapping[str, str] = THINKING_TAGS) -> str:
    """Return a bare answer as it is, unless it holds a box or thinking: then what is extracted, or nothing."""
    if BOX.search(answer) or any(tag in answer for pair in thinking_tags.items() for tag in pair):
        return extract_answer(answer, thinking_tags=thinking_tags) or ""
    return answer


def _last_box(text: str) -> str | None:
    if "box" not in text and "Box" not in text:
        return None
    closing = None
    found, covered = None, -1
    for match in BOX.finditer(text):
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
            content = text[start + 1 : end] if end >= 0 else ""
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

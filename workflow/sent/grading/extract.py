"""Find the final answer that a response commits to."""

import re
from collections.abc import Sequence

BOX = re.compile(r"\\(?:boxed|fbox|framebox|Boxed)(?![a-zA-Z])\s*")
BARE_BOXED = re.compile(r"(?:\\[a-zA-Z]+(?:\{[^{}]*\})*|\\[^a-zA-Z\s)\]]|[^\s${}\\])+")
BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
END_OF_PHRASE = re.compile(r"\n|(?<=[^\d\s])\.(?=\s|$)|\.(?=\s+[A-Z]|\s*$)")


def extract_answer(
    text: str, phrases: Sequence[str] = (), read_unclosed_thinking: bool = False
) -> str | None:
    r"""Return the content of the last box of the answer part of ``text``, or None if it states no answer.

    The answer part is what follows the last ``</think>``; thinking that never ends leaves none, unless
    ``read_unclosed_thinking``. Boxes are ``\boxed{..}``, ``\fbox{..}`` and the like, also ``\boxed 5``. Empty and
    unclosed boxes count as none at all, so the last box that is whole and holds something is taken; of nested
    boxes the outermost one. Where there is no box, the text after the last occurrence of any of ``phrases``
    (such as "the answer is"), up to the end of the sentence, is taken. Takes time linear in the length of the text.
    """
    end_of_thinking = text.rfind("</think>")
    text = text[end_of_thinking + len("</think>") :] if end_of_thinking >= 0 else text
    thinking = text.find("<think>")
    if thinking >= 0 and not read_unclosed_thinking:
        text = text[:thinking]
    return _last_box(text) or _after_phrase(text, phrases)


def unbox(answer: str) -> str:
    """Return a bare answer as it is, unless it holds a box or thinking: then what is extracted, or nothing."""
    if BOX.search(answer) or "think>" in answer:
        return extract_answer(answer) or ""
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
            content = text[start + 1 : end].strip() if end >= 0 else ""
        if content:
            found, covered = _without_inner_boxes(content), end
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


def _after_phrase(text: str, phrases: Sequence[str]) -> str | None:
    lowered = text.lower()
    start = max(((lowered.rfind(p.lower()), len(p)) for p in phrases), default=(-1, 0))
    if start[0] < 0:
        return None
    rest = text[sum(start) :].lstrip(" :=\n*")
    end = END_OF_PHRASE.search(rest)
    return (rest[: end.start()] if end else rest).strip(" *") or None

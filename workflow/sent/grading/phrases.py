r"""The answer that a phrase announces, where there is no box: "the answer is 12", "#### 12", "**Answer**" and so on.

What follows the phrase may be the rest of its sentence, or stand below it: in a code fence, a display formula, an
environment, a list, or on a line of its own.
"""

import re
from collections.abc import Sequence

from sent.config.grading import PHRASES

__all__ = ["PHRASES", "announced", "without_end_tokens"]

LONGEST = 200  # characters of an answer outside a block; more is reasoning
LOOKED_AT = 4000  # characters behind a phrase: patterns below take time that grows with the square of a text
TRIED = 20  # last phrases that are looked at
END_TOKENS = re.compile(
    r"(?<!\s)(?:\s*(?:</s>|<\|(?:im_end|endoftext|end_of_text|eot_id|eom_id|end|return|eos)\|>|<end_of_turn>|<eos>|<\|?pad\|?>"
    r"|<｜end▁of▁sentence｜>|\[PAD\]))+\s*"
)
LEAD = re.compile(
    r"(?:[ \t:=：*_>|]|(?:therefore|thus|hence|simply|just|clearly|indeed|then|exactly)\s+)*", re.IGNORECASE
)
HEAD = re.compile(
    r"(?:as follows|the following|given(?: below| by)?|below|thus|therefore|simply)?\s*[:：.]?[ \t*_]*"
    r"(?:\n\s*|(?=\\\[|\$\$|```))",
    re.IGNORECASE,
)
BLOCKS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"```[\w+-]*[ \t]*\n(.*?)\n?[ \t]*```",
        r"```(.*?)```",
        r"\\\[(.*?)\\\]",
        r"\$\$(.*?)\$\$",
        r"(\\begin\s*\{([a-z]+\*?)\}.*?\\end\s*\{\2\})",
        r"\$((?:(?!\n\s*\n)[^$])*\\begin[^$]*)\$",
        r"\\\(([^$]*?\\begin.*?)\\\)",
    )
)
ITEM = re.compile(r"[ \t]*(?:[-*•+]|\d{1,2}[.)]|\([a-z\d]\))[ \t]+(\S.*)")
END_OF_SENTENCE = re.compile(
    r"\n|</?[a-z_]+>|。|(?<=[^\d\s.])\.(?=\s|$)|(?<!\.)\.(?=\s+[A-Z]|\s*$)|[!?](?=\s+[A-Z]|\s*$)"
    r"|,?\s+(?:because|since|as required|as desired|as claimed|as expected|as shown|which|so that|due to|given that)\b"
    r"|\s*\(\s*(?:since|because|as)\b|\s+as\s+(?=[^.\n]*=)|:\s+(?=\S*=)"
    r"|\s+[-–—]\s+(?=[a-z]{2})|;\s+(?=[a-z]{3})|\s*,\s*(?:as|so|because|since|which|where we|after|i\.e\.|that is)\b",
    re.IGNORECASE,
)
LAST_LINE = re.compile(
    r"(?:^|\n)[ \t]*(?:\*\*([^*\n]+)\*\*|\\\[([^\[\]]*)\\\]|\$\$([^$]*)\$\$|```\w*\n([^`]*)\n```)[ \t.]*\s*$"
)
"""A last line in bold, a last display or a last fence."""
REASONING = re.compile(
    r"(?:let|let's|we|i|to|first|step|in order|since|if|because|here|note|now|then|not|there|by|using|consider|given"
    r"|correct|wrong|obtained|found|clear|unknown|that|this)\b",
    re.IGNORECASE,
)


def without_end_tokens(text: str) -> str:
    """Drop ``</s>``, ``<|im_end|>`` and other marks that a tokenizer leaves."""
    return END_TOKENS.sub(" ", text) if "<" in text or "[PAD" in text else text


def announced(text: str, phrases: Sequence[str]) -> str | None:
    """Return what the last of ``phrases`` that an answer follows announces, or None."""
    text = without_end_tokens(text)
    lowered = text.lower()
    if len(lowered) != len(text):  # a letter whose lower case is two
        lowered = text
    end = len(text)
    for _ in range(TRIED):
        start, phrase = max(
            ((lowered.rfind(p.lower(), 0, end), p) for p in phrases), key=lambda found: found[0]
        )
        if start < 0:
            break
        if answer := _stated(text[start + len(phrase) :][:LOOKED_AT]):
            return answer
        end = start
    last = LAST_LINE.search(text[-2 * LONGEST :])
    answer = _plain(next(part for part in last.groups() if part is not None)) if last else ""
    return answer if 0 < len(answer) <= LONGEST else None


def _stated(rest: str) -> str | None:
    """The answer at the start of what follows a phrase; None where reasoning follows."""
    rest = _without_lead(rest)
    below = HEAD.match(rest)
    place = rest[below.end() :] if below and below.group() else rest
    for pattern in BLOCKS:
        if block := pattern.match(place):
            return _plain(block.group(1))
    if place is not rest and (items := _items(place)):
        return _plain(", ".join(items))
    answer = _first_sentence(_without_lead(place))
    return None if not answer or len(answer) > LONGEST or REASONING.match(answer) else answer


def _without_lead(text: str) -> str:
    lead = LEAD.match(text)
    assert lead is not None, "it matches the empty text, too"
    return text[lead.end() :]


def _items(text: str) -> list[str]:
    """The items of a list at the start of a text."""
    found = []
    for line in text.split("\n"):
        item = ITEM.fullmatch(line)
        if item is None:
            break
        found.append(_first_sentence(item.group(1)))
    return found


def _first_sentence(text: str) -> str:
    """The first sentence, as far as an answer may reach."""
    return _plain(END_OF_SENTENCE.split(text[: 2 * LONGEST] + "\n", maxsplit=1)[0])


def _plain(answer: str) -> str:
    """Without the marks of bold, code and quotation around it."""
    return answer.strip().strip('*`_ "“”').strip().rstrip(",;").strip()

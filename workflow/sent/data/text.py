"""When two questions, or two gold answers, are the same; and how values of any type become answers."""

import functools
import math
import re
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACE = re.compile(r"(?<!\d)\s+|\s+(?!\d)")


@functools.lru_cache(maxsize=20_000)  # the hub's DAPO-Math-17k repeats 17,917 rows a hundred times
def question_key(text: str) -> str:
    """Return a text without white space, except one space between two digits.

    Texts that differ in spacing only have the same key: LaTeX ignores most spaces, and copies of one question
    often differ in them.
    """
    return " ".join(_SPACE.sub("", text).split())


def whole_text(text: str) -> str:
    """Return a text with U+FFFD for every lone surrogate: half a character, which no file of ours can hold."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def answer_key(text: str) -> str | Decimal:
    """Return what equal gold answers share: the number if it is one (27 = 27.0), else the text unspaced."""
    bare = "".join(text.split()).strip("$")
    return Decimal(bare) if _NUMBER.fullmatch(bare) else bare


def answer_text(value: Any) -> str:
    """Return an answer of a data file as text; empty if there is none.

    27.0 becomes ``27``, as a float that is whole stands for an integer; a list becomes its parts joined by
    commas. Raises ``TypeError`` for a value that is no answer, such as a dict.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, str | int | float | Decimal):
        return str(value).strip()
    if isinstance(value, list | tuple):
        return ", ".join(part for part in map(answer_text, value) if part)
    raise TypeError(f"a {type(value).__name__} is no answer")

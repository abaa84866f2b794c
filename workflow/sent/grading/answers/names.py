"""What may stand before an equals sign as the name of what follows: ``x``, ``f(x)``, ``m_{\\max}``, ``(x,y)``."""

import re

_SUBSCRIPT = r"(?:\s*_\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\?\w+))?"
NAME = re.compile(
    r"(?:\\(?:angle|triangle|overline|vec|hat|bar|dot|ddot|tilde|mathbb)\s*)*\{?\s*"
    rf"(\\text\s*\{{[^{{}}]*\}}|\\[a-zA-Z]+|[A-Za-z]+(?:\s[A-Z])*){_SUBSCRIPT}\s*\}}?{_SUBSCRIPT}[\s']*(?:\^\s*\{{\s*-\s*1\s*\}}(?=\s*\())?\s*"
    r"(?:\(\s*[A-Za-z\\][A-Za-z,\\\s_0-9]*\))?\s*"
)
DERIVATIVE = re.compile(r"\\frac\s*\{\s*d[^{}]*\}\s*\{\s*d[^{}]*\}\s*")
TUPLE_OF_NAMES = re.compile(r"\(\s*[A-Za-z](?:\s*,\s*[A-Za-z])+\s*\)\s*")


def is_name(text: str) -> bool:
    """Whether the left side of an equation only names what follows: ``x``, ``f(x)``, ``m_{\\max}``, ``(x,y)``."""
    return any(pattern.fullmatch(text) for pattern in (NAME, TUPLE_OF_NAMES, DERIVATIVE))

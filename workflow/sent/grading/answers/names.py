"""What may stand before an equals sign as the name of what follows: ``x``, ``f(x)``, ``m_{\\max}``, ``(x,y)``."""

import re

_SUBSCRIPT = r"(?:\s*_\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\?\w+))?"
NAME = re.compile(
    r"(?:\\(?:angle|triangle|vec|hat|bar|dot|ddot|tilde|mathbb)\s*)*\{?\s*"
    rf"(\\text\s*\{{[^{{}}]*\}}|\\[a-zA-Z]+|[A-Za-z]+(?:\s[A-Z])*){_SUBSCRIPT}\s*\}}?{_SUBSCRIPT}[\s']*(?:\^\s*\{{\s*-\s*1\s*\}}(?=\s*\())?\s*"
    r"(?:\(\s*[A-Za-z\\][A-Za-z,\\\s_0-9]*\)|\(\s*-?\d+(?:\.\d+)?\s*\)|\[\s*[A-Z]\s*\])?\s*"
)
PROBABILITY = re.compile(
    r"\s*(?:(?:\\text\s*\{\s*)?(?:Pr?|Prob)(?:\s*\})?|\\Pr|\\mathbb\s*\{?\s*P\s*\}?)\s*\([^()]*(?:\([^()]*\)[^()]*)*\)\s*"
)
LENGTH = re.compile(r"\|+\s*(?:\\vec\s*\{)?\s*[A-Z]\s*_?\d?\s*[A-Z]?\s*_?\d?\s*\}?\s*\|+")
ANGLE = r"(?:\d\s*)?(?:\\angle\s*)?(?:[A-Z]{1,3}|[a-z]|\\(?:alpha|beta|gamma|theta|phi|varphi))"
OF_ANGLE = re.compile(rf"\\(?:sin|cos|tan|cot|sec|csc)\s*(?:{ANGLE}|\(\s*{ANGLE}\s*\))\s*")
_SEGMENT = r"(?:m\s*)?(?:\\angle\s*)?[A-Z]{2,3}"
_POWER = r"(?:\s*\^\s*\{?\s*2\s*\}?)?"
OF_SEGMENTS = re.compile(
    rf"\s*(?:\\frac\s*\{{\s*{_SEGMENT}\s*\}}\s*\{{\s*{_SEGMENT}\s*\}}|\[\s*[A-Z]{{3,}}\s*\]"
    rf"|{_SEGMENT}{_POWER}(?:\s*(?:\\cdot|[+/-])?\s*{_SEGMENT}{_POWER})*)\s*"
)
OF_OPERATOR = re.compile(
    r"\s*\\(?:lim|sum|prod|o?i*nt|max|min|sup|inf|deg|det|gcd|lcm|dim)(?![a-zA-Z]).*", re.DOTALL
)
NORM = re.compile(r"\s*(?:\|\s*(?:z|w|\\vec\s*\{?\s*\w+\s*\}?)\s*\||\\\|[^|]*\\\||\|\|[^|]*\|\|)\s*")
COMPOSED = re.compile(
    r"\s*(?:\(\s*[a-z]\s*(?:\\circ|o)\s*[a-z]\s*\)|[a-z])\s*\(\s*(?:[a-z]\s*\(\s*)?-?\d+\s*\)?\s*\)\s*"
)
RATIO = re.compile(r"\s*[A-Za-z][A-Za-z_{}\d\s]*(?::\s*[A-Za-z][A-Za-z_{}\d\s]*)+")
DERIVATIVE = re.compile(r"\\frac\s*\{\s*d[^{}]*\}\s*\{\s*d[^{}]*\}\s*")
TUPLE_OF_NAMES = re.compile(r"\(\s*[A-Za-z](?:\s*,\s*[A-Za-z])+\s*\)\s*")
PATTERNS = (
    *(NAME, TUPLE_OF_NAMES, DERIVATIVE, PROBABILITY, LENGTH, RATIO),
    *(OF_ANGLE, OF_SEGMENTS, OF_OPERATOR, NORM, COMPOSED),
)


def is_name(text: str) -> bool:
    """Whether the left side of an equation only names what follows: ``x``, ``f(x)``, ``m_{\\max}``, ``(x,y)``."""
    return any(pattern.fullmatch(text) for pattern in PATTERNS)

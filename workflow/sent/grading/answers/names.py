"""What may stand before an equals sign as the name of what follows: ``x``, ``f(x)``, ``m_{\\max}``, ``(x,y)``."""

import re

_SUBSCRIPT = r"(?:\s*_\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\?\w+))?"
NAME = re.compile(
    r"(?:\\(?:angle|triangle|vec|hat|bar|dot|ddot|tilde|mathbb)\s*)*\{?\s*"
    rf"(\\text\s*\{{[^{{}}]*\}}|\\[a-zA-Z]+|[A-Za-z]+(?:\s[A-Z])*){_SUBSCRIPT}\s*\}}?{_SUBSCRIPT}[\s']*(?:\^\s*\{{\s*-\s*1\s*\}}(?=\s*\())?\s*"
    r"(?:\(\s*[A-Za-z\\][A-Za-z,\\\s_0-9]*\)|\(\s*-?\d+(?:\.\d+)?\s*\)|\[\s*[A-Z]\s*\])?\s*"
)
PROBABILITY = re.compile(r"\s*(?:\\text\s*\{\s*)?(?:Pr?|Prob)(?:\s*\})?\s*\([^()]*(?:\([^()]*\)[^()]*)*\)\s*")
LENGTH = re.compile(r"\|+\s*(?:\\vec\s*\{)?\s*[A-Z]\s*_?\d?\s*[A-Z]?\s*_?\d?\s*\}?\s*\|+")
ANGLE = r"(?:\\angle\s*)?(?:[A-Z]{1,3}|[a-z]|\\(?:alpha|beta|gamma|theta|phi|varphi))"
OF_ANGLE = re.compile(rf"\\(?:sin|cos|tan|cot|sec|csc)\s*(?:{ANGLE}|\(\s*{ANGLE}\s*\))\s*")
RATIO = re.compile(r"\s*[A-Za-z][A-Za-z_{}\d\s]*(?::\s*[A-Za-z][A-Za-z_{}\d\s]*)+")
DERIVATIVE = re.compile(r"\\frac\s*\{\s*d[^{}]*\}\s*\{\s*d[^{}]*\}\s*")
TUPLE_OF_NAMES = re.compile(r"\(\s*[A-Za-z](?:\s*,\s*[A-Za-z])+\s*\)\s*")


def is_name(text: str) -> bool:
    """Whether the left side of an equation only names what follows: ``x``, ``f(x)``, ``m_{\\max}``, ``(x,y)``."""
    return any(
        pattern.fullmatch(text)
        for pattern in (NAME, TUPLE_OF_NAMES, DERIVATIVE, PROBABILITY, LENGTH, RATIO, OF_ANGLE)
    )

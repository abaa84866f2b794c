"""Take away what only changes the look of an answer: colours, sizes, quotation marks, labels, text inside text."""

import re

from sent.grading.answers.brackets import nesting

COLOUR = re.compile(
    r"\\(?:textcolor|colorbox|color)\s*(?:\[[^\]]*\]\s*)?\{[^{}]*\}|\\(?:tag|label)\*?\s*\{[^{}]*\}"
)
QUOTES = re.compile(r"""^(?:"([^"]*)"|'([^'"]*)'|`([^`]*)`|``([^`']*)'')$""")
ROMAN_CONSTANT = re.compile(
    r"\\(?:mathrm|text|textrm|operatorname)\s*\{\s*([ie])\s*\}|\\mathrm\s*\{\s*(d)\s*\}(?=\s*[a-zA-Z^\\])"
)
ROMAN_EXPONENT = re.compile(r"(?<=\d)\s*\\(?:mathrm|text|textrm)\s*\{\s*[eE]\s*\}\s*\{?\s*([+-]?\d+)\s*\}?")
TEXT = re.compile(r"\\text\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
PRODUCT_OF_UNITS = re.compile(r"(?:[A-Za-z\s/()]|\\cdot|\^\s*\{?\s*-?\d\s*\}?)*")
FORMULA_IN_TEXT = re.compile(r"\\text\s*\{\s*((?:\d*[A-Z][A-Za-z\d]*))\s*\}(?=\s*(?:_|\^\s*\{?\s*\d?[+-]))")
WORD_OR_SIGN = re.compile(r"[\w%°]")
FORMULA = re.compile(r"\\[a-zA-Z]+")
LETTER_CUP = re.compile(r"(?<=[)\]])\s*U\s*(?=[(\[])")
LINE_ENDS = re.compile(r"^(?:\\\\\s*)+|(?:\s*\\\\)+$")
INTERVAL = re.compile(r"([\[\]])([^\[\]]*[^\[\],;\s][^\[\]]*[,;][^\[\]]*[^\[\],;\s][^\[\]]*)([\[\]])")


def without_markup(text: str) -> str:
    """Return the text that is left when macros of colour, quotation marks around all, and equation tags are gone."""
    if quoted := QUOTES.match(text):
        text = next(part for part in quoted.groups() if part is not None).strip()
    if "\\" not in text:
        return text
    text = ROMAN_EXPONENT.sub(r"e\1", COLOUR.sub("", text))
    text = ROMAN_CONSTANT.sub(lambda m: f" {m.group(1) or m.group(2)} ", text)
    return LINE_ENDS.sub("", text)


def with_plain_text(text: str) -> str:
    """Drop braces inside ``\\text{m s^{-2}}``, and ``\\text`` itself where macros stand in it, as in ``\\text{\\$}``."""
    if r"\text" not in text:
        return text

    def plain(match: re.Match) -> str:
        inner = match.group(1)
        if PRODUCT_OF_UNITS.fullmatch(inner):
            inner = inner.replace(r"\cdot", " ")
        if "_" in inner:  # a chemical formula
            return inner
        if FORMULA.search(inner) or (inner.strip() and not WORD_OR_SIGN.search(inner)):
            return f" {inner} "
        flat = inner.replace("{", "").replace("}", "")
        return rf"\text{{{flat}}}"

    return FORMULA_IN_TEXT.sub(r"\1", TEXT.sub(plain, text))


def usual_intervals(text: str) -> str:
    """Write ``]0,1[`` as ``(0,1)`` and ``[0,1[`` as ``[0,1)`` where the brackets show that it is meant, ``U`` as ``\\cup``."""
    text = LETTER_CUP.sub(r" \\cup ", text)
    if not any(bracket in text for bracket in "[]") or nesting(text) >= 0:
        return text
    return INTERVAL.sub(_interval, text)


def _interval(match: re.Match) -> str:
    opening, inner, closing = match.groups()
    return f"{'[' if opening == '[' else '('}{inner}{']' if closing == ']' else ')'}"

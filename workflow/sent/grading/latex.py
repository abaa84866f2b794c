"""Bring an answer, as people, programs and models write it, to one canonical LaTeX text.

Only the notation changes here, never the value: what two canonical texts mean is decided in ``compare.py``.
"""

import re

from sent.grading.notation import MACROS, UNICODE

SMALL_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺₀₁₂₃₄₅₆₇₈₉", "0123456789-+0123456789")
SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
SUBSCRIPTS = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")

_CODE_FUNCTIONS = "arcsin|arccos|arctan|asin|acos|atan|sinh|cosh|tanh|sin|cos|tan|sec|csc|cot|sqrt|exp|log|ln"
_CODE_NAMES = "pi|infinity|infty|inf|alpha|beta|gamma|delta|theta|lambda|mu|rho|sigma|tau|phi|omega"
PLAIN_FUNCTIONS = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}

MACRO = re.compile(r"\\\\|\\([a-zA-Z]+\*?)")
SPACES = re.compile(r"\s+")
SKIPPED_SPACE = re.compile(r"(?<!\\)\\[,;:!> ]|~|\\hspace\{[^{}]*\}|\\phantom\{[^{}]*\}|\\mathstrut")
E_NOTATION = re.compile(r"(?<![A-Za-z\d.\\_])(\d++(?:\.\d*+)?|\.\d++)\s?[eE]\s?([+-]?\d+)(?![\dA-Za-z]|\.\d)")
SCALES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}
SCALE = re.compile(rf"(\d)\s*(?:\\text\s*\{{\s*)?({'|'.join(SCALES)})(?![A-Za-z])(?:\s*\}})?", re.IGNORECASE)
REPEATING = re.compile(r"(?<!\d)(\d*+)\.(\d*+)\s*\\(?:overline|bar)\s*\{?\s*(\d+)\s*\}?")
ROOT_SIGN = re.compile(r"√\s*(\d+(?:\.\d+)?)")
LOOSE_EXPONENT = re.compile(r"\^\s*([+-]?\d{2,}|-\d)(?!\d|\.\d)")
PLAIN = re.compile(r"-?\d+(?:\.\d+)?")
THIN_COMMA = re.compile(r"(?<=\d)(?:\{,\}|,\s*\\!)\s*(?=\d{3}(?!\d))")
GROUPED_DIGITS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:(?:\\[,; ]|[ ~])\d{3})+(?![\d])")
DEGREE = re.compile(r"\^\s*(?:\{\s*(?:\\circ|\\degree)\s*\}|\\circ|\\degree)")
PRIMES = re.compile(r"\^\s*(?:\{\s*(?:\\prime\s*)+\}|\\prime(?![a-zA-Z]))")
NAMED_FUNCTION = re.compile(
    r"\\(?:operatorname|text)\s*\{\s*(sin|cos|tan|cot|sec|csc|ln|log|exp|arcsin|arccos|arctan|sinh|cosh|tanh)\s*\}"
)
UNIT_FRACTION = re.compile(r"\\frac\s*\{\s*\\text\s*\{([^{}]*)\}\s*\}\s*\{\s*\\text\s*\{([^{}]*)\}\s*\}")
INFIX = re.compile(r"\{([^{}]*)\\(over|choose|atop)(?![a-zA-Z])\s*([^{}]*)\}")
PLAIN_MIXED = re.compile(r"(?<![\w.^{})])(\d+) (\d+)/(\d+)(?!\w|\.\d)")
REAL_NUMBERS = re.compile(
    r"\\mathbb\s*\{?\s*R\s*\}?|(?:\\text\s*\{)?\s*all real(?:s| numbers)\s*\}?", re.IGNORECASE
)
REALS = r"(-\infty,\infty)"
MODULE = re.compile(r"(?<![A-Za-z\\])(?:np|numpy|math|sp|sympy|cmath)\.(?=[A-Za-z])")
CALL = re.compile(rf"(?<![A-Za-z\\])({_CODE_FUNCTIONS})(?![A-Za-z])")
NAME = re.compile(rf"(?<![A-Za-z\\_{{])({_CODE_NAMES})(?![A-Za-z])")


def canonical(answer: str) -> str:
    """Return ``answer`` in canonical LaTeX: one name a macro, no delimiters, no spacing macros, no code."""
    text = answer.strip()
    if text.endswith("\\") and not text.endswith("\\\\"):  # what is left of "\\ " at the end
        text = text[:-1]
    if not text.isascii():
        text = ROOT_SIGN.sub(r"\\sqrt{\1}", text)
        text = SUPERSCRIPTS.sub(lambda m: f"^{{{m.group().translate(SMALL_DIGITS)}}}", text)
        text = SUBSCRIPTS.sub(lambda m: f"_{{{m.group().translate(SMALL_DIGITS)}}}", text).translate(UNICODE)
    if PLAIN.fullmatch(text):
        return text
    if text.startswith("**") and text.endswith("**"):
        text = text.strip("*")
    text = text.replace(r"\$", r" \dollar ").replace(r"\%", "%").replace("**", "^")
    text = THIN_COMMA.sub("", text).replace("{,}", ",").replace("\\!", "")
    text = GROUPED_DIGITS.sub(lambda m: re.sub(r"\\[,; ]|[ ~]", "", m.group()), text)
    text = text.replace(r"\left.", " ").replace(r"\right.", " ")
    text = SKIPPED_SPACE.sub(" ", _without_delimiters(text))
    text = MACRO.sub(_rename, text)
    text = DEGREE.sub(r"\\degree ", text)
    text = PRIMES.sub(lambda m: "'" * m.group().count("prime"), text)
    text = NAMED_FUNCTION.sub(r"\\\1 ", text)
    text = UNIT_FRACTION.sub(r"\\text{\1/\2}", text)
    text = INFIX.sub(
        lambda m: rf"\{'frac' if m.group(2) == 'over' else 'binom'}{{{m.group(1)}}}{{{m.group(3)}}}", text
    )
    text = CALL.sub(_function, NAME.sub(_name, MODULE.sub("", text)))
    text = SCALE.sub(lambda m: rf"{m.group(1)}\cdot 10^{{{SCALES[m.group(2).lower()]}}}", text)
    text = REPEATING.sub(_fraction_of_repeating, text)
    text = E_NOTATION.sub(r"\1\\cdot 10^{\2}", text)
    text = PLAIN_MIXED.sub(r"\1\\frac{\2}{\3}", text)
    text = LOOSE_EXPONENT.sub(r"^{\1}", text)
    text = SPACES.sub(" ", text).strip()
    return REALS if REAL_NUMBERS.fullmatch(text) else text


def _without_delimiters(text: str) -> str:
    text = text.replace("$", " ")
    return re.sub(r"(?<!\\)\\[()\[\]]", " ", text)


def _rename(match: re.Match) -> str:
    name = MACROS.get(match.group(1)) if match.group(1) else None
    if name is None:
        return match.group()
    return name + " " if name[-1:].isalpha() else name


def _fraction_of_repeating(match: re.Match) -> str:
    """``0.1\\overline{6}`` as the fraction 15/90."""
    whole, fixed, period = match.groups()
    top = int((whole or "0") + fixed + period) - int((whole or "0") + fixed)
    return rf"\frac{{{top}}}{{{'9' * len(period)}{'0' * len(fixed)}}}"


def _function(match: re.Match) -> str:
    return rf"\{PLAIN_FUNCTIONS.get(match.group(1), match.group(1))} "


def _name(match: re.Match) -> str:
    name = match.group(1)
    return r"\infty " if name.startswith("inf") else rf"\{name} "

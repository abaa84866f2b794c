"""Bring an answer, as people, programs and models write it, to one canonical LaTeX text.

Only the notation changes here, never the value: what two canonical texts mean is decided in ``compare.py``.
"""

import re

from sent.grading.answers.brackets import QUOTED
from sent.grading.answers.markup import usual_intervals, with_plain_text, without_markup
from sent.grading.answers.notation import MACROS, UNICODE
from sent.grading.answers.numerals import in_latex, joined_groups
from sent.grading.answers.units import usual_units
from sent.grading.answers.words import OPEN_CHOICE

SMALL_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺₀₁₂₃₄₅₆₇₈₉", "0123456789-+0123456789")
SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
SUBSCRIPTS = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")

_CODE_FUNCTIONS = (
    "arcsin|arccos|arctan|asin|acos|atan|sinh|cosh|tanh|sin|cos|tan|sec|csc|cot|sqrt|exp|log|ln|abs"
)
_CODE_NAMES = "pi|infinity|infty|inf|alpha|beta|gamma|delta|theta|lambda|mu|rho|sigma|tau|phi|omega"
PLAIN_FUNCTIONS = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}

MACRO = re.compile(r"\\\\|\\([a-zA-Z]+\*?)")
SPACES = re.compile(r"\s+")
SKIPPED_SPACE = re.compile(r"(?<!\\)\\[,;:!> ]|~|\\hspace\{[^{}]*\}|\\phantom\{[^{}]*\}|\\mathstrut")
ROOT_SIGN = re.compile(r"√\s*(\d+(?:\.\d+)?)")
PLAIN = re.compile(r"-?\d+(?:\.\d+)?")
DEGREE = re.compile(r"\^\s*(?:\{\s*(?:\\circ|\\degree)\s*\}|\\circ|\\degree)")
PRIMES = re.compile(r"\^\s*(?:\{\s*(?:\\prime\s*)+\}|\\prime(?![a-zA-Z]))")
NAMED_FUNCTION = re.compile(
    r"\\(?:operatorname|text)\s*\{\s*(sin|cos|tan|cot|sec|csc|ln|log|exp|arcsin|arccos|arctan|sinh|cosh|tanh)\s*\}"
)
UNIT_FRACTION = re.compile(r"\\frac\s*\{\s*\\text\s*\{([^{}]*)\}\s*\}\s*\{\s*\\text\s*\{([^{}]*)\}\s*\}")
INFIX = re.compile(r"\{([^{}]*)\\(over|choose|atop)(?![a-zA-Z])\s*([^{}]*)\}")
REALS = r"(-\infty,\infty)"
_REALS = r"(?:\\mathbb\s*\{?\s*R\s*\}?|(?i:all real(?:s| numbers)))"
ALL_REALS = re.compile(rf"\s*{_REALS}\s*")
REALS_WITHOUT = re.compile(rf"{_REALS}\s*(?:\\setminus|-(?=\s*\\\{{))")
REALS_EXCEPT = re.compile(
    rf"{_REALS}\s*,?(?:\s*[a-z]\s*,?)?\s+(?:except|other than|excluding)(?:\s+for)?\s+(?:[a-z]\s*=\s*)?(.+)"
)
COMBINATIONS = re.compile(
    r"(?<![A-Za-z\d}])(?:\{\s*\})?\s*[_^]\s*\{?(\w+)\}?\s*(?:C|\\text\s*\{\s*C\s*\})\s*_\s*\{?(\w+)\}?"
)
CHOSEN = re.compile(r"(?<![A-Za-z\\])(?:C|\\text\s*\{\s*C\s*\})\s*_\s*\{?(\d+)\}?\s*\^\s*\{?(\d+)\}?")
ACCENT_OF_LETTER = re.compile(r"\\(vec|hat|bar|dot|ddot|tilde|overline|widehat)\s+([A-Za-z])(?![A-Za-z])")
SEGMENT = re.compile(r"\\overline\s*\{\s*([A-Z]{2})\s*\}")
MODULO = re.compile(r"\(?\s*(?:\\(?:pmod|bmod|mod|pod)|\\text\s*\{\s*mod\s*\})\s*\{?\s*(\w+)\s*\}?\s*\)?")
SET_BUILDER = re.compile(r"(\\\{[^{}|:,]*):")
CASE = re.compile(r",\s*(?=&)")
CODE_LOGARITHM = re.compile(r"(?<![A-Za-z\\])log(10|2)(?=\s*\()")
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
    text = without_markup(text)
    text = text.replace(r"\$", r" \dollar ").replace(r"\%", "%").replace("**", "^")
    text = joined_groups(text).replace("{,}", ",").replace("\\!", "")
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
    text = CODE_LOGARITHM.sub(r"\\log_{\1}", MODULE.sub("", text))
    text = CALL.sub(_function, NAME.sub(_name, text))
    text = SEGMENT.sub(r"\1", ACCENT_OF_LETTER.sub(r"\\\1{\2}", text))
    if "mod" in text:
        text = MODULO.sub(r"\\pmod{\1}", text)
    if r"\{" in text:
        text = SET_BUILDER.sub(r"\1|", text)
    if r"\begin" in text:
        text = CASE.sub(" ", text)
    if "C" in text:
        text = CHOSEN.sub(_chosen, COMBINATIONS.sub(r"\\binom{\1}{\2}", text))
    text = SPACES.sub(" ", usual_units(with_plain_text(in_latex(text)))).strip()
    return _reals(usual_intervals(OPEN_CHOICE.sub(r"\1(\2)", text)))


def _chosen(match: re.Match) -> str:
    """``C_{10}^3``, the number of choices; ``C_1^2`` is the square of a constant."""
    count, chosen = match.groups()
    return rf"\binom{{{count}}}{{{chosen}}}" if int(count) > int(chosen) else match.group()


def _reals(text: str) -> str:
    """Write the real numbers as an interval, also where some are left out."""
    if r"\mathbb" not in text and "real" not in text.lower():
        return text
    plain = QUOTED.sub(r"\1", text)
    if ALL_REALS.fullmatch(plain):
        return REALS
    if left_out := REALS_EXCEPT.fullmatch(plain.strip()):
        return rf"{REALS}\setminus\{{{left_out.group(1)}\}}"
    return REALS_WITHOUT.sub(lambda _: rf"{REALS}\setminus ", text)


def _without_delimiters(text: str) -> str:
    text = text.replace("$", " ")
    return re.sub(r"(?<!\\)\\[()\[\]]", " ", text)


def _rename(match: re.Match) -> str:
    name = MACROS.get(match.group(1)) if match.group(1) else None
    if name is None:
        return match.group()
    return name + " " if name[-1:].isalpha() else name


def _function(match: re.Match) -> str:
    return rf"\{PLAIN_FUNCTIONS.get(match.group(1), match.group(1))} "


def _name(match: re.Match) -> str:
    name = match.group(1)
    return r"\infty " if name.startswith("inf") else rf"\{name} "

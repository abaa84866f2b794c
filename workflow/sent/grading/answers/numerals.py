"""Numbers that are written in other ways than LaTeX's: digit groups, e-notation, ordinals, periods, other bases."""

import re

SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
SCALE = re.compile(rf"(\d)\s*(\\text\s*\{{\s*)?({'|'.join(SCALES)})(?![A-Za-z])(\s*\}})?", re.IGNORECASE)
E_NOTATION = re.compile(r"(?<![A-Za-z\d.\\_])(\d++(?:\.\d*+)?|\.\d++)\s?[eE]\s?([+-]?\d+)(?![\dA-Za-z]|\.\d)")
LETTER_TIMES = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)")
LOOSE_EXPONENT = re.compile(r"\^\s*([+-]?\d{2,}|-\d)(?!\d|\.\d)")
PLAIN_MIXED = re.compile(r"(?<![\w.^{})])(\d+) (\d+)/(\d+)(?!\w|\.\d)")
RATIO_WORD = re.compile(r"^(\d+)\s*(?:\\text\s*\{\s*)?\bto\b(?:\s*\})?\s*(\d+)$")
MINUS_WORD = re.compile(r"^(?:minus|negative)\s+(?=[\d.\\])", re.IGNORECASE)

REPEATING = re.compile(r"(?<!\d)(\d*+)\.(\d*+)\s*\\(?:overline|bar)\s*\{?\s*(\d+)\s*\}?")
DOTTED = re.compile(
    r"(?<!\d)(\d*+)\.(\d*+)\s*\\dot\s*\{?\s*(\d)\s*\}?(?:\s*(\d*)\s*\\dot\s*\{?\s*(\d)\s*\}?)?"
)
GOES_ON = re.compile(r"(?<![\d.])(\d+\.\d+)\s*(?:\\dots(?![a-zA-Z])|\.{3})")
PERIOD = re.compile(r"(?:(\d)\1\1+|(\d{2,}?)\2+)$")

THIN_COMMA = re.compile(r"(?<=\d)(?:\{,\}|,\s*\\!)\s*(?=\d{3}(?!\d))")
GROUPED_DIGITS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:(?:\\[,; ]|[ ~])\d{3})+(?![\d])")
FOREIGN_GROUPS = re.compile(r"(?<![\w.,'])[1-9]\d{0,2}(?:(?:'\d{3})+|(?:_\d{3})+|(?:\.\d{3}){2,})(?![\w'])")

_SUFFIX = r"(?:(?<=1)st|(?<=2)nd|(?<=3)rd|th)"
_LOOSE_SUFFIX = r"\s*(?:st|nd|rd|th)\s*"
_IN_TEXT = rf"\\text\s*\{{{_LOOSE_SUFFIX}\}}"
ORDINAL = re.compile(
    rf"(?<=\d)(?:{_SUFFIX}(?=$|[\s.,}}])(?!\s*\\)|\s*(?:\^\s*\{{\s*{_IN_TEXT}\s*\}}|\^\s*\{{{_LOOSE_SUFFIX}\}}|\^?\s*{_IN_TEXT}))"
)

_BASES = "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
BASES = {word: str(base) for base, word in enumerate(_BASES.split(), 2)}
BASE_WORD = re.compile(
    rf"(?<=[\dA-F)])\s*_\s*\{{\s*\(?(\\text\s*\{{)?\s*(?:base\s*)?(\}}\s*)?"
    rf"({'|'.join(BASES)}|\d+)\s*\)?\s*(?(1)(?(2)|\}}\s*))\}}"
)
BASE_SUFFIX = re.compile(
    rf"(?<=[\dA-F])\s*(?:\\text\s*\{{)?\s*\(?\s*(?:in )?base\s*\}}?\s*({'|'.join(BASES)}|\d+)\s*\)?\s*\}}?$"
)
BASE_DIGIT = re.compile(r"(?<=\d)\\text\s*\{\s*([A-F]+)\s*\}(?=[\dA-F]*\s*_)")
BASE_PARENTHESES = re.compile(r"^\(\s*([\dA-F]*\d[\dA-F]*)\s*\)\s*(?=_)")


def joined_groups(text: str) -> str:
    """Drop what stands between groups of three digits, but for plain commas (which may be a list's)."""
    text = THIN_COMMA.sub("", text)
    text = FOREIGN_GROUPS.sub(lambda m: re.sub(r"['_.]", "", m.group()), text)
    return GROUPED_DIGITS.sub(lambda m: re.sub(r"\\[,; ]|[ ~]", "", m.group()), text)


def in_latex(text: str) -> str:
    """Write the numbers of ``text`` (macros already in their one name) as LaTeX does."""
    text = SCALE.sub(_scaled, text)
    text = REPEATING.sub(lambda m: _fraction(*m.groups()), text)
    text = DOTTED.sub(
        lambda m: _fraction(m.group(1), m.group(2), "".join(d or "" for d in m.groups()[2:])), text
    )
    text = GOES_ON.sub(_without_dots, text)
    text = ORDINAL.sub("", LETTER_TIMES.sub(r"\\cdot ", text))
    text = E_NOTATION.sub(r"\1\\cdot 10^{\2}", text)
    text = PLAIN_MIXED.sub(r"\1\\frac{\2}{\3}", text)
    text = LOOSE_EXPONENT.sub(r"^{\1}", text)
    if "base" in text:
        text = BASE_SUFFIX.sub(lambda m: f"_{{{BASES.get(m.group(1), m.group(1))}}}", text)
    if "_" in text:
        text = BASE_WORD.sub(
            lambda m: f"_{{{BASES.get(m.group(3), m.group(3))}}}", BASE_DIGIT.sub(r"\1", text)
        )
        text = BASE_PARENTHESES.sub(r"\1", text)
    return RATIO_WORD.sub(r"\1:\2", MINUS_WORD.sub("-", text.strip()))


def _scaled(match: re.Match) -> str:
    """``2 million`` as a power of ten; a unit behind it stays in the text that it stands in."""
    opened, closed = match.group(2), match.group(4)
    rest = r"\text{" if opened and not closed else "" if opened else closed or ""
    return rf"{match.group(1)}\cdot 10^{{{SCALES[match.group(3).lower()]}}}{rest}"


def _fraction(whole: str, fixed: str, period: str) -> str:
    """``0.1\\overline{6}`` as the fraction 15/90."""
    top = int((whole or "0") + fixed + period) - int((whole or "0") + fixed)
    return rf"\frac{{{top}}}{{{'9' * len(period)}{'0' * len(fixed)}}}"


def _without_dots(match: re.Match) -> str:
    """``0.1666...`` as the fraction, where a period shows; else the decimals as far as they are written."""
    whole, _, decimals = match.group(1).partition(".")
    period = PERIOD.search(decimals)
    if period is None:
        return match.group(1)
    return _fraction(whole, decimals[: period.start()], period.group(1) or period.group(2))

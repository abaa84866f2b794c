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

_CODE_FUNCTIONS = "(?:arc|ar|a)?(?:sin|cos|tan|sec|csc|cot)h?|sqrt|exp|log|ln|abs"
_CODE_NAMES = "pi|infinity|infty|inf|alpha|beta|gamma|delta|theta|lambda|mu|rho|sigma|tau|phi|omega"
_STEMS = ("sin", "cos", "tan", "cot", "sec", "csc")
PLAIN_FUNCTIONS = {f"a{stem}": f"arc{stem}" for stem in _STEMS} | {"cosec": "csc"}
PLAIN_FUNCTIONS |= {f"{prefix}{stem}h": f"ar{stem}h" for stem in _STEMS for prefix in ("a", "arc")}

MACRO = re.compile(r"\\\\|\\([a-zA-Z]+\*?)")
SPACES = re.compile(r"\s+")
SKIPPED_SPACE = re.compile(r"(?<!\\)\\[,;:!> ]|~|\\hspace\{[^{}]*\}|\\phantom\{[^{}]*\}|\\mathstrut")
ROOT_SIGN = re.compile(r"√\s*(\d+(?:\.\d+)?)")
PLAIN = re.compile(r"-?\d+(?:\.\d+)?")
DEGREE = re.compile(r"\^\s*(?:\{\s*(?:\\circ|\\degree)\s*\}|\\circ|\\degree)")
PRIMES = re.compile(r"\^\s*(?:\{\s*(?:\\prime\s*)+\}|\\prime(?![a-zA-Z]))")
NAMED_FUNCTION = re.compile(
    r"\\(?:operatorname|text)\s*\{\s*((?:arc|ar|a)?(?:sin|cos|tan|cot|sec|csc|cosec)h?|ln|log|exp)\s*\}"
)
_UNITS = r"((?:\\text\s*\{[^{}]*\}(?:\s*\^\s*\{?\s*-?\d\s*\}?)?\s*(?:\\cdot\s*)?)+)"
UNIT_FRACTION = re.compile(rf"\\frac\s*\{{\s*{_UNITS}\s*\}}\s*\{{\s*{_UNITS}\s*\}}")
CHINESE = re.compile("(以及|和|与|且)|(或者|或)")
CHINESE_UNITS = {
    "厘米": "cm", "毫米": "mm", "千米": "km", "公里": "km", "米": "m", "千克": "kg", "公斤": "kg", "克": "g", "升": "L",
    "小时": "h", "分钟": "min", "秒": "s", "天": "day", "元": "yuan", "度": "degree",
}  # fmt: skip
CHINESE_UNIT = re.compile(
    rf"(?<=[\d}})])\s*(?:\\text\s*\{{\s*)?({'|'.join(CHINESE_UNITS)}|[个人只种本棵名次条张枚颗辆件])\s*\}}?$"
)
INFIX = re.compile(r"\{([^{}]*)\\(over|choose|atop)(?![a-zA-Z])\s*([^{}]*)\}")
REALS = r"(-\infty,\infty)"
SIGNED_REALS = {"+": r"(0,\infty)", ">0": r"(0,\infty)", r"\ge0": r"[0,\infty)", "-": r"(-\infty,0)"}
SIGNED_REALS |= {"*": r"(-\infty,0)\cup (0,\infty)", r"\ne0": r"(-\infty,0)\cup (0,\infty)"}
SIGNED_REALS |= {"<0": r"(-\infty,0)", r"\le0": r"(-\infty,0]"}
SETS_IN_WORDS = re.compile(
    r"(?:the )?(?:set of )?(?:all )?(?:the )?"
    r"(positive integers|natural numbers|integers|whole numbers|rational numbers|rationals|complex numbers)"
)
SET_SIGNS = {"positive integers": "N", "natural numbers": "N", "rational numbers": "Q", "rationals": "Q"}
SET_SIGNS |= {"complex numbers": "C"}
POSITIVE_INTEGERS = re.compile(r"\\mathbb\s*\{?\s*Z\s*\}?\s*[_^]\s*\{?\s*(?:\+|>\s*0)\s*\}?")
BETWEEN = re.compile(r"(?:all )?(?:real )?(?:numbers )?(?:x )?(?:strictly )?between (\S+) and (\S+)")
OF_SIGN = re.compile(r"\\mathbb\s*\{?\s*R\s*\}?\s*[_^]\s*\{?\s*([+*-]|[<>]\s*0|\\(?:[lg]|n)e\s*0)\s*\}?")
SIGNS_IN_WORDS = {"positive": r"(0,\infty)", "negative": r"(-\infty,0)"}
SIGNS_IN_WORDS |= {"nonzero": r"(-\infty,0)\cup (0,\infty)"}
SIGNS_IN_WORDS |= {"nonnegative": r"[0,\infty)", "nonpositive": r"(-\infty,0]"}
NUMBERS_IN_WORDS = re.compile(
    r"(?:the set of )?(?:all )?(?:(positive|negative|non-?negative|non-?positive|non-?zero) (?:reals|real numbers|numbers)"
    r"|(?:reals|real numbers|numbers) (?:[a-z] )?(?:that are )?(greater|less|larger|smaller|more) than (or equal to )?(.+))"
)
MEMBER = re.compile(r"[a-z]\s*\\in\s*(?=\\mathbb)")
_REALS = r"(?:\\mathbb\s*\{?\s*R\s*\}?|(?i:(?:the set of )?all real(?:s| numbers| [a-z](?![a-z]))))"
ALL_REALS = re.compile(rf"\s*{_REALS}\s*")
REALS_WITHOUT = re.compile(rf"{_REALS}\s*(?:\\setminus|-(?=\s*\\\{{))")
REALS_EXCEPT = re.compile(
    rf"{_REALS}\s*,?(?:\s*[a-z]\s*,?)?\s+(?:except|other than|excluding)(?:\s+for)?\s+(?:[a-z]\s*=\s*)?(.+)"
)
COMBINATIONS = re.compile(
    r"(?<![A-Za-z\d}])(?:\{\s*\})?\s*[_^]\s*\{?(\w+)\}?\s*(?:C|\\text\s*\{\s*C\s*\})\s*_\s*\{?(\w+)\}?"
)
C_OF = re.compile(r"(?<![A-Za-z\\])(?:C|\\text\s*\{\s*C\s*\})\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)")
CHOSEN = re.compile(r"(?<![A-Za-z\\])(?:C|\\text\s*\{\s*C\s*\})\s*_\s*\{?(\d+)\}?\s*\^\s*\{?(\d+)\}?")
ACCENT_OF_LETTER = re.compile(r"\\(vec|hat|bar|dot|ddot|tilde)\s*(?:\s([A-Za-z])(?![A-Za-z])|(\\[a-z]+))")
SEGMENT = re.compile(r"\\bar\s*\{\s*([A-Z]{2})\s*\}")
UNION = re.compile(r"(?<=[)\]}])\s*(?:\\text\s*\{\s*union\s*\}|union)\s*(?=[(\[]|\\\{)")
NTH_DERIVATIVE = re.compile(r"(?<![A-Za-z\\])([A-Za-z])\s*\^\s*\{\s*\(\s*([1-4])\s*\)\s*\}")
OF_REALS = re.compile(
    r"^\s*([a-z])\s*\\in\s*\\mathbb\s*\{?\s*R\s*\}?\s*,\s*(?=\1\s*(?:[<>]|\\[lgn]e(?![a-z])))"
)
MODULO = re.compile(r"\(?\s*(?:\\(?:pmod|bmod|mod|pod)|\\text\s*\{\s*mod\s*\})\s*\{?\s*(\w+)\s*\}?\s*\)?")
SET_BUILDER = re.compile(r"(\\\{[^{}|:,]*):")
CASE = re.compile(r",\s*(?=&)")
GOES_ON = re.compile(r",\s*\.{3,}")  # a list without an end
ROMAN_LETTER = re.compile(r"\\(mathrm|text|textrm|mathit|operatorname)\s+([A-Za-z\d])")
FRACTION_OF_SIGNS = re.compile(r"\\frac\s*([A-Za-z\d])\s*([A-Za-z\d])")
CASES = re.compile(
    r"\\begin\s*\{(cases|align(?:ed|at)?\*?|gather(?:ed)?\*?|equation\*?|split)\}(.*?)\\end\s*\{\1\}",
    re.DOTALL,
)
CHEMISTRY = re.compile(r"\\ce\s*\{([^{}]*)\}")
COUNTED_ATOMS = re.compile(r"(?=[A-Za-z]*\d)(?:[A-Z][a-z]?\d*){2,}")
ARRAY_OF_EQUATIONS = re.compile(
    r"\\\{\s*\\begin\s*\{array\}\s*\{[lcr\s]*\}(.*?)\\end\s*\{array\}\s*$", re.DOTALL
)
CORE = re.compile(r"^\s*\[\s*(?:\\text\s*\{)?\s*([A-Z][a-z]?)\s*\}?\s*\]\s*(?=\d\s*[spdf])")
ELECTRONS = re.compile(
    r"(?:\[[A-Z][a-z]?\])?(?:\d\s*[spdf]\s*\^\s*(?:\{\s*\d{1,2}\s*\}|\d{1,2}?)\s*(?=\d\s*[spdf]\s*\^|$))+$"
)
ELECTRON = re.compile(r"(\d)\s*([spdf])\s*\^\s*\{?\s*(\d{1,2}?)\s*\}?\s*(?=\d\s*[spdf]\s*\^|$)")
QUOTIENT_OF_D = re.compile(
    r"(?<![A-Za-z\\])d\s*(\^\s*\{?\s*\d\s*\}?)?\s*(\\?[A-Za-z]+(?:_\w)?)\s*/\s*\(?d\s*(\\?[A-Za-z])\s*(\^\s*\{?\s*\d\s*\}?)?\)?(?![A-Za-z])"
)
BRACKETED_D = re.compile(r"\(\s*(d\s*[A-Za-z])\s*\)\s*/\s*\(\s*(d\s*[A-Za-z])\s*\)")
DERIVATIVE_OF = re.compile(
    r"\\frac\s*\{\s*d\s*\}\s*\{\s*d\s*([a-z])\s*\}\s*\(?\s*([A-Za-z])(?![A-Za-z])\s*\)?"
)
DOTS = re.compile(r"\\(d{1,2})ot\s*\{\s*(\\?[A-Za-z]+)\s*\}(\s*_\s*(?:\{[^{}]*\}|\w))?")
ORDER_IN_WORDS = re.compile(
    r"\s*(?:\\text\s*\{)?\s*is (?:(?:strictly )?(greater|larger|more|less|smaller) than( or equal to)?"
    r"|(at least|at most|no less than|no more than))\s*\}?\s*(?=-?[\d\\(.])"
)
PARTIAL = re.compile(
    r"\\frac\s*\{\s*\\partial\s*(?:\^\s*\{?\s*2\s*\}?)?\s*([A-Za-z])\s*\}\s*\{\s*\\partial\s*([a-z])\s*(\^\s*\{?\s*2\s*\}?)?\s*\}"
)
PARTIAL_OF = re.compile(r"\\partial\s*_\s*\{?\s*([a-z]{1,2})\s*\}?\s*([A-Za-z])(?![A-Za-z])")
SIGNED_INFINITY = re.compile(r"\b(negative|minus|positive|plus) infinity\b", re.IGNORECASE)
CODE_LOGARITHM = re.compile(r"(?<![A-Za-z\\])log(10|2)(?=\s*\()")
MODULE = re.compile(r"(?<![A-Za-z\\])(?:np|numpy|math|sp|sympy|cmath)\.(?=[A-Za-z])")
CALL = re.compile(rf"(?<![^\W\d_])(?<!\\)({_CODE_FUNCTIONS})(?![^\W\d_])")
NAME = re.compile(rf"(?<![^\W\d])(?<![\\{{])({_CODE_NAMES})(?![^\W\d_])")


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
    if ELECTRONS.fullmatch(text):
        return _orbitals(text)
    if CHEMISTRY.fullmatch(text) or COUNTED_ATOMS.fullmatch(text):
        text = re.sub(r"(?<=[A-Za-z)])(\d+)", r"_{\1}", CHEMISTRY.sub(r"\1", text)).replace("->", r"\to ")
    if not text.isascii():
        text = CHINESE.sub(lambda m: r"\text{ and }" if m.group(1) else r"\text{ or }", text)
        text = CHINESE_UNIT.sub(lambda m: rf"\text{{ {CHINESE_UNITS.get(m.group(1), 'unit')}}}", text)
    if text.startswith("**") and text.endswith("**"):
        text = text.strip("*")
    text = without_markup(ROMAN_LETTER.sub(r"\\\1{\2}", text))
    text = text.replace(r"\$", r" \dollar ").replace(r"\%", "%").replace(r"\#", "").replace("**", "^")
    text = joined_groups(text).replace("{,}", ",").replace("\\!", "")
    text = text.replace(r"\left.", " ").replace(r"\right.", " ")
    text = SKIPPED_SPACE.sub(" ", _without_delimiters(text))
    text = MACRO.sub(_rename, text)
    text = DEGREE.sub(r"\\degree ", text)
    text = PRIMES.sub(lambda m: "'" * m.group().count("prime"), text)
    text = FRACTION_OF_SIGNS.sub(r"\\frac{\1}{\2}", text)
    text = NAMED_FUNCTION.sub(_function, text)
    text = UNIT_FRACTION.sub(r"\1/\2", text)
    text = INFIX.sub(
        lambda m: rf"\{'frac' if m.group(2) == 'over' else 'binom'}{{{m.group(1)}}}{{{m.group(3)}}}", text
    )
    if "/" in text:
        text = BRACKETED_D.sub(r"\\frac{\1}{\2}", text)
    text = DERIVATIVE_OF.sub(r"\\frac{d\2}{d\1}", QUOTIENT_OF_D.sub(r"\\frac{d\1 \2}{d \3\4}", text))
    if "infinity" in text.lower():
        text = SIGNED_INFINITY.sub(lambda m: rf"{'-' if m.group(1)[0] in 'nNmM' else ''}\infty ", text)
    text = CODE_LOGARITHM.sub(r"\\log_{\1}", MODULE.sub("", text))
    text = CALL.sub(_function, NAME.sub(_name, text))
    text = SEGMENT.sub(
        r"\1", ACCENT_OF_LETTER.sub(lambda m: rf"\{m.group(1)}{{{m.group(2) or m.group(3)}}}", text)
    )
    if "ot" in text:
        text = DOTS.sub(lambda m: m.group(2) + (m.group(3) or "") + "'" * len(m.group(1)), text)
    if "union" in text:
        text = UNION.sub(r" \\cup ", text)
    if "^" in text and "(" in text:
        text = NTH_DERIVATIVE.sub(lambda m: m.group(1) + "'" * int(m.group(2)), text)
    if "mod" in text:
        text = MODULO.sub(r"\\pmod{\1}", text)
    if r"\{" in text:
        text = SET_BUILDER.sub(r"\1|", text)
    if r"\begin" in text:
        text = CASE.sub(
            " ", CASES.sub(_as_list, ARRAY_OF_EQUATIONS.sub(r"\\begin{cases}\1\\end{cases}", text))
        )
    if " than" in text or " at " in text:
        text = ORDER_IN_WORDS.sub(_order, text)
    if r"\partial" in text:
        text = PARTIAL.sub(lambda m: f"{m.group(1)}_{{{m.group(2) * (2 if m.group(3) else 1)}}}", text)
        text = PARTIAL_OF.sub(r"\2_{\1}", text)
    if "C" in text:
        text = C_OF.sub(r"\\binom{\1}{\2}", text)
        text = CHOSEN.sub(_chosen, COMBINATIONS.sub(r"\\binom{\1}{\2}", text))
    text = GOES_ON.sub(r",\\dots ", text)
    text = SPACES.sub(" ", usual_units(with_plain_text(in_latex(text)))).strip()
    text = CORE.sub(r"[\1]", text)
    if ELECTRONS.fullmatch(text):
        return _orbitals(text)
    return _reals(usual_intervals(OPEN_CHOICE.sub(r"\1(\2)", text)))


def _order(match: re.Match) -> str:
    if match.group(3):
        return r"\ge " if match.group(3) in ("at least", "no less than") else r"\le "
    if match.group(1) in ("less", "smaller"):
        return r"\le " if match.group(2) else "<"
    return r"\ge " if match.group(2) else ">"


def _orbitals(text: str) -> str:
    """Electrons by orbital in one order, as in ``[Ar]3d^{10}4s^{2}``."""
    found = [rf"{n}{orbital}^{{{count}}}" for n, orbital, count in ELECTRON.findall(text)]
    return text[: text.find("]") + 1] + "".join(sorted(found))


def _as_list(match: re.Match) -> str:
    """Equations one below the other as a list, where no line has a condition behind it."""
    kind, body = match.groups()
    lines = [line.strip(" ,.") for line in body.split(r"\\") if line.strip(" ,.")]
    if kind == "cases" and any("&" in line for line in lines):
        return match.group()
    return ", ".join(line.replace("&", " ") for line in lines)


def _chosen(match: re.Match) -> str:
    """``C_{10}^3``, the number of choices; ``C_1^2`` is the square of a constant."""
    count, chosen = match.groups()
    return rf"\binom{{{count}}}{{{chosen}}}" if int(count) > int(chosen) else match.group()


def _reals(text: str) -> str:
    """Write the real numbers as an interval, also where some are left out."""
    lowered = text.lower()
    if not any(sign in lowered for sign in (r"\mathbb", "real", "numbers", "integers", "between")):
        return text
    if words := SETS_IN_WORDS.fullmatch(QUOTED.sub(r"\1", lowered).strip()):
        return rf"\mathbb{{{SET_SIGNS.get(words.group(1), 'Z')}}}"
    if bounds := BETWEEN.fullmatch(QUOTED.sub(r"\1", text).strip()):
        return f"({bounds.group(1)},{bounds.group(2)})"
    text = OF_REALS.sub("", POSITIVE_INTEGERS.sub(r"\\mathbb{N}", text))
    text = OF_SIGN.sub(lambda m: SIGNED_REALS[m.group(1).replace(" ", "")], text)
    plain = QUOTED.sub(r"\1", text)
    if ALL_REALS.fullmatch(MEMBER.sub("", plain.strip(), count=1)):
        return REALS
    if words := NUMBERS_IN_WORDS.fullmatch(plain.strip().lower()):
        return _numbers_in_words(*words.groups())
    if left_out := REALS_EXCEPT.fullmatch(plain.strip()):
        return rf"{REALS}\setminus\{{{left_out.group(1)}\}}"
    return REALS_WITHOUT.sub(lambda _: rf"{REALS}\setminus ", text)


def _numbers_in_words(sign: str | None, order: str | None, closed: str | None, bound: str | None) -> str:
    if sign:
        return SIGNS_IN_WORDS[sign.replace("-", "")]
    if order in ("less", "smaller"):
        return rf"(-\infty,{bound}{']' if closed else ')'}"
    return rf"{'[' if closed else '('}{bound},\infty)"


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

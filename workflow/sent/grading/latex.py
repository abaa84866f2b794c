"""Bring an answer, as people, programs and models write it, to one canonical LaTeX text.

Only the notation changes here, never the value: what two canonical texts mean is decided in ``compare.py``.
"""

import re

UNICODE = str.maketrans(
    {
        **dict(zip("０１２３４５６７８９", map(str, range(10)), strict=True)),
        **{
            "−": "-",
            "–": "-",
            "—": "-",
            "‐": "-",
            "‑": "-",
            "×": r"\cdot ",
            "·": r"\cdot ",
            "⋅": r"\cdot ",
            "÷": "/",
        },
        **{
            "π": r"\pi ",
            "√": r"\sqrt ",
            "∞": r"\infty ",
            "°": r"\degree ",
            "º": r"\degree ",
            "∪": r"\cup ",
            "∩": r"\cap ",
        },
        **{
            "≤": r"\le ",
            "≥": r"\ge ",
            "≠": r"\ne ",
            "≈": r"\approx ",
            "∈": r"\in ",
            "±": r"\pm ",
            "∓": r"\mp ",
        },
        **{
            "½": r"\frac{1}{2}",
            "¼": r"\frac{1}{4}",
            "¾": r"\frac{3}{4}",
            "⅓": r"\frac{1}{3}",
            "⅔": r"\frac{2}{3}",
        },
        **{
            "α": r"\alpha ",
            "β": r"\beta ",
            "γ": r"\gamma ",
            "δ": r"\delta ",
            "θ": r"\theta ",
            "λ": r"\lambda ",
        },
        **{
            "μ": r"\mu ",
            "ρ": r"\rho ",
            "σ": r"\sigma ",
            "τ": r"\tau ",
            "φ": r"\phi ",
            "ω": r"\omega ",
            "ε": r"\epsilon ",
        },
        **{
            "∅": r"\emptyset ",
            "′": "'",
            "’": "'",
            "（": "(",
            "）": ")",
            "，": ",",
            "。": ".",
            "：": ":",
            "％": "%",
            "¢": r"\text{cents}",
        },
        **{"\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "", "\ufeff": "", "…": r"\dots "},
    }
)

SMALL_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺₀₁₂₃₄₅₆₇₈₉", "0123456789-+0123456789")
SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
SUBSCRIPTS = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")

SAME = {  # macros that mean the same, or nothing
    **dict.fromkeys(("dfrac", "tfrac", "cfrac", "sfrac", "nicefrac"), r"\frac"),
    **dict.fromkeys(("dbinom", "tbinom"), r"\binom"),
    **dict.fromkeys(("leq", "leqslant", "leqq"), r"\le"),
    **dict.fromkeys(("geq", "geqslant", "geqq"), r"\ge"),
    **dict.fromkeys(("neq",), r"\ne"),
    **dict.fromkeys(("times", "ast", "bullet"), r"\cdot"),
    **dict.fromkeys(
        ("mathrm", "textrm", "mbox", "textbf", "textit", "textsf", "texttt", "hbox", "textnormal"), r"\text"
    ),
    **dict.fromkeys(
        ("mathbf", "boldsymbol", "bm", "mathit", "mathsf", "mathcal", "emph", "pmb", "operatorname*"), ""
    ),
    **dict.fromkeys(
        ("displaystyle", "textstyle", "scriptstyle", "limits", "nolimits", "rm", "bf", "it", "hfill"), ""
    ),
    **dict.fromkeys(
        ("big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "middle"), ""
    ),
    **dict.fromkeys(
        ("quad", "qquad", "thinspace", "enspace", "space", "left", "right", "Biggl", "Biggr"), " "
    ),
    **dict.fromkeys(("lbrace",), r"\{"),
    **dict.fromkeys(("rbrace",), r"\}"),
    **dict.fromkeys(("lvert", "rvert", "vert", "mid"), "|"),
    **dict.fromkeys(("lparen",), "("),
    **dict.fromkeys(("rparen",), ")"),
    **dict.fromkeys(("lbrack",), "["),
    **dict.fromkeys(("rbrack",), "]"),
    **dict.fromkeys(("langle",), "("),
    **dict.fromkeys(("rangle",), ")"),
    **dict.fromkeys(("gt",), ">"),
    **dict.fromkeys(("lt",), "<"),
    **dict.fromkeys(("div",), "/"),
    **dict.fromkeys(("varnothing",), r"\emptyset"),
    **dict.fromkeys(("degrees",), r"\degree"),
    **dict.fromkeys(("varphi",), r"\phi"),
    **dict.fromkeys(("varepsilon",), r"\epsilon"),
    **dict.fromkeys(("imath",), "i"),
    **dict.fromkeys(("euro", "texteuro"), "€"),
    **dict.fromkeys(("pounds", "textsterling"), "£"),
    **dict.fromkeys(("approxeq", "simeq", "doteq"), r"\approx"),
    **dict.fromkeys(("arctg", "atan"), r"\arctan"),
    **dict.fromkeys(("tg",), r"\tan"),
    **dict.fromkeys(("vee", "lor"), r"\text{or}"),
    **dict.fromkeys(("wedge", "land"), r"\text{and}"),
    **dict.fromkeys(("cdots", "ldots", "dotsc", "dotsb"), r"\dots"),
}
CODE_FUNCTIONS = (
    "arcsin arccos arctan asin acos atan sinh cosh tanh sin cos tan sec csc cot sqrt exp log ln".split()
)
PLAIN_FUNCTIONS = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}
GREEK = "alpha beta gamma delta theta lambda mu rho sigma tau phi omega".split()

MACRO = re.compile(r"\\\\|\\([a-zA-Z]+\*?)")
SPACES = re.compile(r"\s+")
SKIPPED_SPACE = re.compile(r"(?<!\\)\\[,;:!> ]|~|\\hspace\{[^{}]*\}|\\phantom\{[^{}]*\}|\\mathstrut")
E_NOTATION = re.compile(r"(?<![A-Za-z\d.\\_^{])((?:\d+\.?\d*|\.\d+))\s?[eE]\s?([+-]?\d+)(?![\d.A-Za-z])")
LOOSE_EXPONENT = re.compile(r"\^\s*([+-]?\d{2,}|-\d)(?![\d.])")
PLAIN = re.compile(r"\s*-?\d+(?:\.\d+)?\s*")
THIN_COMMA = re.compile(r"(?<=\d)(?:\{,\}|,\s*\\!)\s*(?=\d{3}(?!\d))")
GROUPED_DIGITS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:(?:\\[,; ]|[ ~])\d{3})+(?![\d])")
DEGREE = re.compile(r"\^\s*(?:\{\s*(?:\\circ|\\degree)\s*\}|\\circ|\\degree)")
PRIMES = re.compile(r"\^\s*(?:\{\s*(?:\\prime\s*)+\}|\\prime(?![a-zA-Z]))")
NAMED_FUNCTION = re.compile(
    r"\\(?:operatorname|text)\s*\{\s*(sin|cos|tan|cot|sec|csc|ln|log|exp|arcsin|arccos|arctan|sinh|cosh|tanh)\s*\}"
)
UNIT_FRACTION = re.compile(r"\\frac\s*\{\s*\\text\s*\{([^{}]*)\}\s*\}\s*\{\s*\\text\s*\{([^{}]*)\}\s*\}")
INFIX = re.compile(r"\{([^{}]*)\\(over|choose|atop)(?![a-zA-Z])\s*([^{}]*)\}")
PLAIN_MIXED = re.compile(r"(?<![\w.^{})])(\d+) (\d+)/(\d+)(?![\w.])")
REAL_NUMBERS = re.compile(
    r"\\mathbb\s*\{?\s*R\s*\}?|(?:\\text\s*\{)?\s*all real(?:s| numbers)\s*\}?", re.IGNORECASE
)
REALS = r"(-\infty,\infty)"
MODULE = re.compile(r"(?<![A-Za-z\\])(?:np|numpy|math|sp|sympy|cmath)\.(?=[A-Za-z])")
CALL = re.compile(rf"(?<![A-Za-z\\])({'|'.join(CODE_FUNCTIONS)})(?![A-Za-z])")
NAME = re.compile(rf"(?<![A-Za-z\\_{{])(pi|infinity|infty|inf|{'|'.join(GREEK)})(?![A-Za-z])")


def canonical(answer: str) -> str:
    """Return ``answer`` in canonical LaTeX: one name a macro, no delimiters, no spacing macros, no code."""
    text = answer
    if not text.isascii():
        text = SUPERSCRIPTS.sub(lambda m: f"^{{{m.group().translate(SMALL_DIGITS)}}}", text)
        text = SUBSCRIPTS.sub(lambda m: f"_{{{m.group().translate(SMALL_DIGITS)}}}", text).translate(UNICODE)
    if PLAIN.fullmatch(text):
        return text.strip()
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
    text = E_NOTATION.sub(r"\1\\cdot 10^{\2}", text)
    text = PLAIN_MIXED.sub(r"\1\\frac{\2}{\3}", text)
    text = LOOSE_EXPONENT.sub(r"^{\1}", text)
    text = SPACES.sub(" ", text).strip()
    return REALS if REAL_NUMBERS.fullmatch(text) else text


def _without_delimiters(text: str) -> str:
    text = text.replace("$", " ")
    return re.sub(r"(?<!\\)\\[()\[\]]", " ", text)


def _rename(match: re.Match) -> str:
    name = SAME.get(match.group(1)) if match.group(1) else None
    if name is None:
        return match.group()
    return name + " " if name[-1:].isalpha() else name


def _function(match: re.Match) -> str:
    return rf"\{PLAIN_FUNCTIONS.get(match.group(1), match.group(1))} "


def _name(match: re.Match) -> str:
    name = match.group(1)
    return r"\infty " if name.startswith("inf") else rf"\{name} "

"""Tables of signs and macros that are written in several ways."""

_SIGNS = r"""
    − -  – -  — -  ‐ -  ‑ -  × \cdot  · \cdot  ⋅ \cdot  ÷ /  √ \sqrt  ∞ \infty  ° \degree  º \degree  ∪ \cup  ∩ \cap
    ≤ \le  ≥ \ge  ≠ \ne  ≈ \approx  ∈ \in  ± \pm  ∓ \mp  ∅ \emptyset  … \dots  ′ '  ’ '  （ (  ） )  ， ,  。 .  ： :  ％ %
    ½ \frac{1}{2}  ¼ \frac{1}{4}  ¾ \frac{3}{4}  ⅓ \frac{1}{3}  ⅔ \frac{2}{3}  ¢ \text{cents}
    π \pi  α \alpha  β \beta  γ \gamma  δ \delta  θ \theta  λ \lambda  μ \mu  ρ \rho  σ \sigma  τ \tau  φ \phi  ω \omega
    ε \epsilon
"""
_SPACES = {"\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "", "\ufeff": ""}
_WIDE_DIGITS = {chr(0xFF10 + digit): str(digit) for digit in range(10)}

UNICODE = str.maketrans(
    {
        sign: f"{latex} " if latex[-1].isalpha() else latex
        for sign, latex in zip(_SIGNS.split()[::2], _SIGNS.split()[1::2], strict=True)
    }
    | _SPACES
    | _WIDE_DIGITS
)
"""One LaTeX notation for each Unicode sign."""

_MACROS = {
    r"\frac": "dfrac tfrac cfrac sfrac nicefrac",
    r"\binom": "dbinom tbinom",
    r"\le": "leq leqslant leqq",
    r"\ge": "geq geqslant geqq",
    r"\ne": "neq",
    r"\approx": "approxeq simeq doteq",
    r"\cdot": "times ast bullet",
    r"\text": "mathrm textrm mbox textbf textit textsf texttt hbox textnormal",
    r"\dots": "cdots ldots dotsc dotsb",
    r"\emptyset": "varnothing",
    r"\degree": "degrees",
    r"\phi": "varphi",
    r"\epsilon": "varepsilon",
    r"\arctan": "arctg atan",
    r"\tan": "tg",
    r"\text{or}": "vee lor",
    r"\text{and}": "wedge land",
    r"\{": "lbrace",
    r"\}": "rbrace",
    "|": "lvert rvert vert mid",
    "(": "lparen langle",
    ")": "rparen rangle",
    "[": "lbrack",
    "]": "rbrack",
    ">": "gt",
    "<": "lt",
    "/": "div",
    "i": "imath",
    "€": "euro texteuro",
    "£": "pounds textsterling",
    " ": "quad qquad thinspace enspace space left right",
    "": "mathbf boldsymbol bm mathit mathsf mathcal emph pmb operatorname* displaystyle textstyle scriptstyle limits "
    "nolimits displaylimits rm bf it hfill big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr middle",
}
MACROS = {name: latex for latex, names in _MACROS.items() for name in names.split()}
"""Name of a macro (without backslash) -> what it is replaced by."""

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBER_WORDS = {word: number for number, word in enumerate(_SMALL.split())} | {
    f"{tens}{'-' + digit if number else ''}": 10 * i + number
    for i, tens in enumerate(_TENS.split(), 2)
    for number, digit in enumerate(_SMALL.split()[:10])
}
"""Whole numbers below a hundred in words."""

"""Tables of signs and macros that are written in several ways."""

_SIGNS = r"""
    − -  – -  — -  ‐ -  ‑ -  × \cdot  · \cdot  ⋅ \cdot  ÷ /  √ \sqrt  ∞ \infty  ° \degree  º \degree  ∪ \cup  ∩ \cap
    ≤ \le  ≥ \ge  ≠ \ne  ≈ \approx  ∈ \in  ± \pm  ∓ \mp  ∅ \emptyset  … \dots  ′ '  ‘ '  ’ '  “ "  ” "  、 ,  。 .
    ⁄ /  ∶ :  ∖ \setminus  ∛ \sqrt[3]  → \to  ⇒ \Rightarrow  Ω \Omega  Ω \Omega  µ \mu  Å \text{angstrom}  Å \text{angstrom}
    ½ \frac{1}{2}  ¼ \frac{1}{4}  ¾ \frac{3}{4}  ⅓ \frac{1}{3}  ⅔ \frac{2}{3}  ⅕ \frac{1}{5}  ⅖ \frac{2}{5}
    ⅗ \frac{3}{5}  ⅘ \frac{4}{5}  ⅙ \frac{1}{6}  ⅚ \frac{5}{6}  ⅛ \frac{1}{8}  ⅜ \frac{3}{8}
    ⅝ \frac{5}{8}  ⅞ \frac{7}{8}  ¢ \text{cents}
    π \pi  α \alpha  β \beta  γ \gamma  δ \delta  θ \theta  λ \lambda  μ \mu  ρ \rho  σ \sigma  τ \tau  φ \phi  ω \omega
    ε \epsilon
"""
_SPACES = dict.fromkeys("\u00a0\u2002\u2003\u2005\u2009\u200a\u202f\u3000", " ")
_INVISIBLE = dict.fromkeys(
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\ufeff", ""
)
_WIDE = {chr(0xFF00 + code - 0x20): chr(code) for code in range(0x21, 0x7F)}  # full-width forms of ASCII

UNICODE = str.maketrans(
    {
        sign: f"{latex} " if latex[-1].isalpha() else latex
        for sign, latex in zip(_SIGNS.split()[::2], _SIGNS.split()[1::2], strict=True)
    }
    | _SPACES
    | _INVISIBLE
    | _WIDE
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
    r"\to": "rightarrow longrightarrow",
    r"\arcsin": "asin",
    r"\arccos": "acos",
    r"\csc": "cosec",
    r"\cot": "ctg cotan",
    r"\sinh": "sh",
    r"\cosh": "ch",
    r"\tanh": "th",
    r"\bar": "overline",
    r"\hat": "widehat",
    r"\tilde": "widetilde",
    r"\emptyset": "varnothing",
    r"\degree": "degrees",
    r"\phi": "varphi",
    r"\epsilon": "varepsilon",
    r"\arctan": "arctg atan",
    r"\pi": "uppi",
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
    ":": "colon",
    r"\setminus": "backslash smallsetminus",
    r"\cup": "bigcup",
    r"\cap": "bigcap",
    r"\\": "cr newline",
    r"\log_{10}": "lg",
    r"\text{angstrom}": "AA",
    "i": "imath",
    "€": "euro texteuro",
    "£": "pounds textsterling",
    " ": "quad qquad thinspace enspace space left right",
    "": "mathbf boldsymbol bm mathit mathsf mathcal emph pmb operatorname* displaystyle textstyle scriptstyle limits "
    "nolimits displaylimits rm bf it tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge underline "
    "uline ensuremath mathop mathrel mathbin hfill big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr middle",
}
MACROS = {name: latex for latex, names in _MACROS.items() for name in names.split()}
"""Name of a macro (without backslash) -> what it is replaced by."""

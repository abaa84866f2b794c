"""Read a formula in canonical LaTeX into a tree. A small grammar of our own: nothing is evaluated by Python or sympy.

What the grammar does not cover raises :class:`UnreadableError`, and math-verify is asked instead.
"""

import functools
import re
from fractions import Fraction

from sent.grading.answers.arithmetic import CONSTANTS, FUNCTIONS, INVERSE, Lost, Number, value_of
from sent.grading.answers.words import is_product

TOKEN = re.compile(
    r"\\text\s*\{[^{}]*\}|\\[a-zA-Z]+|\\.|\d+(?:\.\d*)?|\.\d+|(?<![a-zA-Z])[A-Z]{4,}(?![a-zA-Z])|[a-zA-Z]|\S"
)
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar vartheta varrho infty emptyset"
)
_ACCENTS = "dot ddot hat bar vec tilde angle triangle odot prime"
SYMBOLS, ACCENTS = frozenset((*_GREEK.split(), "partial")), frozenset(_ACCENTS.split())
STRUCTURES = frozenset(("frac", "binom", "sqrt", "pi", "lfloor", "lceil", "abs"))
OPENING = {"(": ")", "[": "]", "{": "}", "|": "|", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil", r"\{": r"\}"}
CLOSING = frozenset(OPENING.values()) - {"|"}
FOR_WHOLE_NUMBERS = frozenset(("floor", "ceil", "factorial", "double factorial", "binomial"))
NO_OPERANDS = frozenset(("text", "cdot", "degree", "dollar", "rfloor", "rceil", "dots"))
HAVE_VALUES = frozenset("fghFGHP")
"""Letters that name functions: f(3) is no product."""
DERIVATIVE = re.compile(
    r"\{ (d|\\partial) (?:\^ (?:\{ )?(\d) (?:\} )?)?((?:\\?[A-Za-z]+)(?: _ (?:\w|\{ [^{}]* \}))?) \} "
    r"\{ \1 (\\?[A-Za-z]+) (?:\^ (?:\{ )?(\d) (?:\} )?)?\}"
)
CAPITALS = re.compile("[A-Z]{4,}").fullmatch
MACRO_NAME = re.compile(r"\\([a-zA-Z]+)")
MAX_DEPTH = 100
MAX_DIGITS = 4000  # of one number; Python refuses to read integers of more than 4300
MAX_CACHED = 300  # characters of a text whose tree is kept


class UnreadableError(Exception):
    """The text is no formula of this grammar."""


class Formula:
    """A formula as a tree of tuples ``(operation, *operands)``; see :func:`read`.

    ``symbols``: names of the variables; ``decimals``: whether a number with a decimal point is written in it;
    ``imaginary``: whether ``i`` is; ``discrete``: whether it is meant for whole numbers (floor, factorial, (-1)^n).
    """

    def __init__(self, tree: tuple, text: str = ""):
        self.tree, self.text = tree, text
        self.symbols: set[str] = set()
        self.decimals = self.imaginary = self.discrete = False
        self._survey(tree)

    def _survey(self, tree: tuple) -> None:
        kind = tree[0]
        if kind == "symbol":
            self.symbols.add(tree[1])
        elif kind == "number":
            self.decimals |= "." in tree[2]
        elif kind == "imaginary":
            self.imaginary = True
        else:
            self.discrete |= kind in FOR_WHOLE_NUMBERS or (kind == "power" and tree[1][0] == "negative")
            for part in tree[1:]:
                if isinstance(part, tuple):
                    self._survey(part)

    def value(
        self, point: int = 0, real: bool = True, whole: bool = False, lost: Lost | None = None
    ) -> Number:
        """Value at a test point, at which a variable has the same number in every formula.

        ``real``: refuse to leave the real numbers; ``whole``: variables are positive integers; ``lost`` is told where
        floats lose digits. Raises :class:`arithmetic.UndefinedError`.
        """
        return value_of(self.tree, point, real, whole, lost)


def read(text: str) -> Formula:
    """Read canonical LaTeX. Raises :class:`UnreadableError`."""
    return _read_short(text) if len(text) <= MAX_CACHED else _read(text)


def has_foreign_macro(text: str) -> bool:
    """Whether a macro stands in ``text`` that this grammar does not know, and math-verify's may (such as an integral)."""
    return any(not (_is_known_macro(name) or name in NO_OPERANDS) for name in MACRO_NAME.findall(text))


def _read(text: str) -> Formula:
    reader = _Reader(_tokens(text))
    try:
        tree = reader.sum()
        if reader.peek is not None:
            raise UnreadableError(f"unexpected {reader.peek}")
        return Formula(tree, text)
    except RecursionError:
        raise UnreadableError("nested too deep") from None


def _tokens(text: str) -> list[str]:
    """Four capitals or more in a row are one name (``SRMC``), unless they are a product as ``ABCD`` is."""
    tokens = TOKEN.findall(text)
    return [
        part for token in tokens for part in (token if CAPITALS(token) and is_product(token) else [token])
    ]


_read_short = functools.lru_cache(maxsize=20_000)(_read)


class _Reader:
    """Recursive descent over tokens; a sign binds weaker than a power, a function takes what follows up to + or -."""

    def __init__(self, tokens: list[str]):
        self.tokens, self.position, self.depth, self.bars = tokens, 0, 0, 0

    @property
    def peek(self) -> str | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def take(self) -> str:
        token = self.peek
        if token is None:
            raise UnreadableError("the end")
        self.position += 1
        return token

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise UnreadableError(f"no {token}")

    def sum(self) -> tuple:
        tree = self.product()
        while self.peek in ("+", "-"):
            tree = ("add" if self.take() == "+" else "subtract", tree, self.product())
        return tree

    def product(self) -> tuple:
        signs = 0
        while self.peek in ("+", "-"):
            signs += self.take() == "-"
        tree = self.power()
        while self.peek is not None:
            if self.peek in ("*", r"\cdot"):
                self.take()
                tree = ("multiply", tree, self.signed_power())
            elif self.peek == "/":
                self.take()
                tree = ("divide", tree, self.signed_power())
            elif self.starts_factor():
                tree = self.juxtaposed(tree)
            else:
                break
        return ("negative", tree) if signs % 2 else tree

    def juxtaposed(self, left: tuple) -> tuple:
        """A product without a sign; a whole number before a proper fraction is a mixed number."""
        before = self.tokens[self.position - 1]
        right = self.power()
        if right[0] == "number" and left[0] not in CONSTANTS:
            raise UnreadableError("two numbers side by side")
        if _is_mixed(before, left, right):
            return ("add", left, right)
        return ("multiply", left, right)

    def signed_power(self) -> tuple:
        signs = 0
        while self.peek in ("+", "-"):
            signs += self.take() == "-"
        tree = self.power()
        return ("negative", tree) if signs % 2 else tree

    def starts_factor(self) -> bool:
        token = self.peek
        if token is None:
            return False
        if token == "|":
            return not self.bars
        if token in OPENING or token[0].isalnum() or token[0] == ".":
            return True
        return (
            token[0] == "\\" and token[1:].isalpha() and token not in CLOSING and _is_known_macro(token[1:])
        )

    def power(self) -> tuple:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UnreadableError("nested too deep")
        tree = self.postfixed(self.atom())
        if self.peek == "^":
            self.take()
            tree = self.postfixed(("power", tree, self.exponent()))
        self.depth -= 1
        return tree

    def exponent(self) -> tuple:
        """What stands behind ``^``; of ``a^b^c``, which LaTeX refuses and programs write, ``b^c``."""
        tree = self.argument(script=True)
        if self.peek == "^":
            self.take()
            return ("power", tree, self.exponent())
        return tree

    def postfixed(self, tree: tuple) -> tuple:
        while self.peek in ("!", r"\degree"):
            if self.take() != "!":
                tree = ("multiply", tree, ("degree",))
            elif self.peek == "!":
                self.take()
                tree = ("double factorial", tree)
            else:
                tree = ("factorial", tree)
        return tree

    def argument(self, script: bool = False) -> tuple:
        """What a macro or ``^`` takes: a group in braces, or the next single token (one digit of a number)."""
        token = self.peek
        if token == "{":
            return self.group()
        if token and token[0].isdigit() and len(token) > 1:
            self.tokens[self.position] = token[1:]
            return ("number", Fraction(int(token[0])), token[0])
        if script and token in ("-", "+"):
            return self.signed_power()
        return self.atom()

    def group(self) -> tuple:
        opening = self.take()
        bars, self.bars = self.bars, 0
        if opening == "|":
            self.bars = 1
        tree = self.sum()
        self.expect(OPENING[opening])
        self.bars = bars
        kind = {"|": "abs", r"\lfloor": "floor", r"\lceil": "ceil"}.get(opening)
        return (kind, tree) if kind else tree

    def atom(self) -> tuple:
        token = self.peek
        if token is None or token in CLOSING:
            raise UnreadableError("an operand is missing")
        if token == "{" and self.tokens[self.position + 2 : self.position + 4] == ["}", "_"]:
            del self.tokens[self.position + 2], self.tokens[self.position]  # {g}_{k} is g_{k}
            return self.atom()
        if token in OPENING:
            return self.group()
        self.take()
        if token[0].isdigit() or (token[0] == "." and len(token) > 1):
            if self.peek == "_":  # a numeral of another base, such as 52_8: equal to nothing but itself
                return ("symbol", token + self.subscript())
            if len(token) > MAX_DIGITS:
                raise UnreadableError("a number of too many digits")
            return ("number", Fraction("0" + token if token[0] == "." else token.rstrip(".")), token)
        if token == "e" and self.peek != "_":
            return ("e",)
        if token == "i" and self.peek != "_":
            return ("imaginary",)
        if token.isalpha():
            return self.symbol(token)
        if token[0] == "\\" and token[1:].isalpha():
            return self.macro(token[1:])
        raise UnreadableError(token)

    def symbol(self, name: str) -> tuple:
        if self.peek == "_":
            name += self.subscript()
        while self.peek == "'":
            name += self.take()
        if self.peek == "(" and (name[0] in HAVE_VALUES or name[-1] == "'" or self.next_is("(", "0", ")")):
            name += self.place()
        return ("symbol", name)

    def next_is(self, *tokens: str) -> bool:
        """Whether these tokens come next."""
        return self.tokens[self.position : self.position + len(tokens)] == list(tokens)

    def place(self) -> str:
        """The number at which a function is taken, as in ``f(3)`` or ``I(0)``; nothing where the brackets hold more."""
        place = self.tokens[self.position + 1 : self.position + 4]
        place = place[:2] if place[:1] == ["-"] else place[:1]
        if not place or not place[-1][0].isdigit() or not self.next_is("(", *place, ")"):
            return ""
        self.position += len(place) + 2
        return f"({''.join(place)})"

    def subscript(self) -> str:
        self.take()
        if self.peek != "{":
            return "_" + self.take()
        start, depth = self.position, 0
        while True:
            token = self.take()
            depth += (token == "{") - (token == "}")
            if depth == 0:
                break
        inner = "".join(self.tokens[start + 1 : self.position - 1])
        return "_" + re.sub(r"\\(?:text\s*\{\s*(.*?)\s*\}|(max|min|sup|inf)(?![a-z]))", r"\1\2", inner)

    def macro(self, name: str) -> tuple:
        if name == "frac" and (derivative := self.derivative()):
            return derivative
        if name == "frac":
            return ("divide", self.argument(), self.argument())
        if name == "binom":
            return ("binomial", self.argument(), self.argument())
        if name == "sqrt":
            index = None
            if self.peek == "[":
                index = self.group()
            whole = self.peek is not None and (self.peek == "(" or self.peek[0].isdigit())
            radicand = self.atom() if whole else self.argument()  # \sqrt12 is meant as the root of 12
            return ("root", radicand, index or ("number", Fraction(2), "2"))
        if name == "pi" and self.peek != "_":
            return ("pi",)
        if name == "abs":
            return ("abs", self.argument())
        if name in FUNCTIONS:
            return self.function(name)
        if name in ("angle", "triangle") and self.peek and self.peek.isupper():
            while self.peek and len(self.peek) == 1 and self.peek.isupper():
                name += self.take()
            return self.symbol(name)
        if name in ACCENTS and self.peek == "{":
            start = self.position
            self.group()
            return self.symbol(name + "".join(self.tokens[start : self.position]))
        if name in SYMBOLS or name == "pi":
            return self.symbol(name)
        raise UnreadableError(name)

    def derivative(self) -> tuple | None:
        """``\\frac{dx}{dt}`` as one symbol; None for any other fraction. Of ``\\partial`` likewise."""
        match = DERIVATIVE.match(" ".join(self.tokens[self.position : self.position + 20]))
        if match is None or match.group(2) != match.group(5):
            return None
        self.position += len(match.group().split())
        sign, order, of, by = match.group(1), match.group(2) or "1", match.group(3), match.group(4)
        return ("symbol", f"{sign}{order}{of.replace(' ', '')}/{by}")

    def function(self, name: str) -> tuple:
        base, exponent = None, None
        for _ in range(2):
            if self.peek == "_" and name == "log":
                self.take()
                base = self.argument()
            elif self.peek == "^":
                self.take()
                exponent = self.argument(script=True)
        if self.peek in ("(", "{", "[", "|"):
            tree = self.postfixed(self.group())
            if (
                self.peek == "^" and exponent is None
            ):  # \sin(x)^2 is read as (\sin x)^2, as most people mean it
                self.take()
                exponent = self.argument(script=True)
        else:
            tree = self.power()
            while self.peek is not None and self.starts_factor() and self.peek[1:] not in FUNCTIONS:
                if self.peek in OPENING:
                    break
                tree = self.juxtaposed(tree)
        if exponent == ("negative", ("number", Fraction(1), "1")) and name in INVERSE:
            return ("function", INVERSE[name], tree)
        tree = ("function", name, tree)
        if base is not None:
            tree = ("divide", tree, ("function", "ln", base))
        return ("power", tree, exponent) if exponent is not None else tree


def _is_known_macro(name: str) -> bool:
    return name in FUNCTIONS or name in SYMBOLS or name in ACCENTS or name in STRUCTURES


def _is_mixed(before: str, left: tuple, right: tuple) -> bool:
    if left[0] != "number" or "." in left[2] or before != left[2] or right[0] != "divide":
        return False
    top, bottom = right[1], right[2]
    return (
        top[0] == bottom[0] == "number"
        and left[1] > 0
        and 0 < top[1] < bottom[1]
        and "." not in top[2] + bottom[2]
    )

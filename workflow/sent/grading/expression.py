"""Read a formula in canonical LaTeX and compute its value, with exact fractions as long as that is possible.

No sympy and no Python evaluation: a small grammar, plain arithmetic on bounded numbers, so that every call ends at
once. What the grammar does not cover raises :class:`Unreadable`, and math-verify is asked instead.
"""

import cmath
import functools
import hashlib
import math
import re
from fractions import Fraction

TOKEN = re.compile(r"\\text\s*\{[^{}]*\}|\\[a-zA-Z]+|\\.|\d+(?:\.\d*)?|\.\d+|[a-zA-Z]|\S")
FUNCTIONS = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan,
    "cot": lambda x: 1 / cmath.tan(x), "sec": lambda x: 1 / cmath.cos(x), "csc": lambda x: 1 / cmath.sin(x),
    "arcsin": cmath.asin, "arccos": cmath.acos, "arctan": cmath.atan,
    "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh,
    "ln": cmath.log, "log": cmath.log, "exp": cmath.exp,
}  # fmt: skip
GREEK = set(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar vartheta varrho infty emptyset".split()
)
ACCENTS = {
    "dot",
    "ddot",
    "hat",
    "bar",
    "vec",
    "tilde",
    "overline",
    "widehat",
    "angle",
    "triangle",
    "odot",
    "prime",
}
OPENING = {"(": ")", "[": "]", "{": "}", "|": "|", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil", r"\{": r"\}"}
CLOSING = set(OPENING.values()) - {"|"}
MAX_DEPTH = 60
MAX_BITS = 100_000  # of an exact number; larger ones go on as floats


class Unreadable(Exception):
    """The text is no formula of this grammar."""


class Undefined(Exception):
    """The formula has no real (or no finite) value at this point."""


class TooLarge(Undefined):
    """A number above 1e308 turned up that is no exact fraction of bounded size."""


def tokens_of(text: str) -> list[str]:
    """Split canonical LaTeX into macros, numbers, letters and signs."""
    return TOKEN.findall(text)


class Formula:
    """A formula as a tree of tuples ``(operation, *operands)``; see :func:`read`.

    ``symbols``: names of the variables; ``decimals``: whether a decimal fraction is written in it;
    ``imaginary``: whether ``i`` is; ``discrete``: whether it is meant for whole numbers: a floor, a factorial, a power of -1.
    """

    def __init__(self, tree: tuple):
        self.tree = tree
        self.symbols, self.decimals, self.imaginary, self.discrete = set(), False, False, False
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
            self.discrete |= kind in ("floor", "ceil", "factorial", "binomial") or (
                kind == "power" and tree[1][0] == "negative"
            )
            for part in tree[1:]:
                if isinstance(part, tuple):
                    self._survey(part)

    def value(self, point: int = 0, real: bool = True, whole: bool = False) -> Fraction | float | complex:
        """Value at test point ``point``: each variable has a fixed number there, in both formulas that are compared.

        ``real``: refuse to leave the real numbers; ``whole``: variables are positive integers. Raises
        :class:`Undefined`.
        """
        try:
            return _finite(_value(self.tree, point, real, whole))
        except OverflowError:
            raise TooLarge from None
        except (ArithmeticError, ValueError):
            raise Undefined from None


@functools.lru_cache(maxsize=20_000)
def read(text: str) -> Formula:
    """Read canonical LaTeX. Raises :class:`Unreadable`."""
    reader = _Reader(tokens_of(text))
    tree = reader.sum()
    if reader.peek is not None:
        raise Unreadable(f"unexpected {reader.peek}")
    return Formula(tree)


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
            raise Unreadable("the end")
        self.position += 1
        return token

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise Unreadable(f"no {token}")

    def sum(self) -> tuple:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("nested too deep")
        tree = self.product()
        while self.peek in ("+", "-"):
            tree = ("add" if self.take() == "+" else "subtract", tree, self.product())
        self.depth -= 1
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
        if right[0] == "number":
            raise Unreadable("two numbers side by side")
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
        if token == "|":
            return not self.bars
        if token in OPENING or token[0].isalnum() or token[0] == ".":
            return True
        return (
            token[0] == "\\" and token[1:].isalpha() and token not in CLOSING and _is_known_macro(token[1:])
        )

    def power(self) -> tuple:
        tree = self.postfixed(self.atom())
        if self.peek == "^":
            self.take()
            tree = self.postfixed(("power", tree, self.argument(script=True)))
        return tree

    def postfixed(self, tree: tuple) -> tuple:
        while self.peek in ("!", r"\degree"):
            tree = ("factorial", tree) if self.take() == "!" else ("multiply", tree, ("degree",))
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
            raise Unreadable("an operand is missing")
        if token in OPENING:
            return self.group()
        self.take()
        if token[0].isdigit() or (token[0] == "." and len(token) > 1):
            if self.peek == "_":  # a numeral of another base, such as 52_8: equal to nothing but itself
                return ("symbol", token + self.subscript())
            return ("number", Fraction("0" + token if token[0] == "." else token.rstrip(".")), token)
        if token == "e" and self.peek != "_":
            return ("e",)
        if token == "i" and self.peek != "_":
            return ("imaginary",)
        if len(token) == 1 and token.isalpha():
            return self.symbol(token)
        if token[0] == "\\" and token[1:].isalpha():
            return self.macro(token[1:])
        raise Unreadable(token)

    def symbol(self, name: str) -> tuple:
        if self.peek == "_":
            name += self.subscript()
        while self.peek == "'":
            name += self.take()
        return ("symbol", name)

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
        return "_" + re.sub(r"\\text\s*\{\s*(.*?)\s*\}", r"\1", inner)

    def macro(self, name: str) -> tuple:
        if name == "frac":
            return ("divide", self.argument(), self.argument())
        if name == "binom":
            return ("binomial", self.argument(), self.argument())
        if name == "sqrt":
            index = None
            if self.peek == "[":
                index = self.group()
            radicand = self.group() if self.peek == "(" else self.argument()
            return ("root", radicand, index or ("number", Fraction(2), "2"))
        if name == "pi" and self.peek != "_":
            return ("pi",)
        if name in FUNCTIONS:
            return self.function(name)
        if name in ACCENTS and self.peek == "{":
            start = self.position
            self.group()
            return self.symbol(name + "".join(self.tokens[start : self.position]))
        if name in GREEK or name == "pi":
            return self.symbol(name)
        raise Unreadable(name)

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
        if exponent == ("negative", ("number", Fraction(1), "1")) and name in ("sin", "cos", "tan"):
            return ("function", "arc" + name, tree)
        tree = ("function", name, tree)
        if base is not None:
            tree = ("divide", tree, ("function", "ln", base))
        return ("power", tree, exponent) if exponent is not None else tree


def _is_known_macro(name: str) -> bool:
    return (
        name in FUNCTIONS
        or name in GREEK
        or name in ACCENTS
        or name in ("frac", "binom", "sqrt", "pi", "lfloor", "lceil")
    )


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


def _value(tree: tuple, point: int, real: bool, whole: bool) -> Fraction | float | complex:
    kind = tree[0]
    if kind == "number":
        return tree[1]
    if kind == "symbol":
        return _variable(tree[1], point, whole)
    if kind == "pi":
        return math.pi
    if kind == "e":
        return math.e
    if kind == "degree":
        return math.pi / 180
    if kind == "imaginary":
        return 1j
    if kind == "function":
        return _narrow(FUNCTIONS[tree[1]](_inexact(_value(tree[2], point, real, whole))), real)
    left = _value(tree[1], point, real, whole)
    if kind == "negative":
        return -left
    if kind == "abs":
        return abs(left)
    if kind in ("floor", "ceil"):
        return Fraction(math.floor(_real(left)) if kind == "floor" else math.ceil(_real(left)))
    if kind == "factorial":
        return _factorial(left)
    right = _value(tree[2], point, real, whole)
    if kind == "power":
        return _power(left, right, real)
    if kind == "root":
        return _root(left, right, real)
    if kind == "binomial":
        return _binomial(left, right)
    if not (isinstance(left, Fraction) and isinstance(right, Fraction)):
        left, right = _inexact(left), _inexact(right)
    if kind == "add":
        return _bounded(left + right)
    if kind == "subtract":
        return _bounded(left - right)
    return _bounded(left * right if kind == "multiply" else left / right)


@functools.lru_cache(maxsize=10_000)
def _variable(name: str, point: int, whole: bool) -> float | Fraction:
    """The number that stands for a variable: from a hash, so that it is the same in every process."""
    if name == "infty":
        raise Undefined
    number = int.from_bytes(hashlib.blake2b(f"{name}|{point}".encode(), digest_size=6).digest()) / 2**48
    if whole:
        return Fraction(2 + point + int(number * 5) * 2)
    return (0.3 + 2.2 * number) * (-1 if point >= 4 and int(number * 1e6) % 2 else 1)


def _inexact(value):
    """Leave the fractions: float, or complex where it is already. Raises OverflowError above 1e308."""
    return float(value) if isinstance(value, Fraction) else value


def _bounded(value):
    if (
        isinstance(value, Fraction)
        and value.numerator.bit_length() + value.denominator.bit_length() > MAX_BITS
    ):
        return float(value)
    return value


def _finite(value):
    if not isinstance(value, Fraction) and not cmath.isfinite(value):
        raise TooLarge
    return value


def _narrow(value: complex, real: bool) -> float | complex:
    """Drop a zero imaginary part; with ``real`` another one is an error."""
    if isinstance(value, complex):
        if abs(value.imag) <= 1e-13 * abs(value):
            return value.real
        if real:
            raise Undefined
    return value


def _real(value) -> Fraction | float:
    if isinstance(value, complex):
        raise Undefined
    if isinstance(value, float) and abs(value - round(value)) < 1e-9:
        return round(value)
    return value


def _power(base, exponent, real: bool):
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        size = base.numerator.bit_length() + base.denominator.bit_length()
        if abs(exponent) * size <= MAX_BITS:
            return base ** int(exponent)
    if isinstance(exponent, Fraction) and exponent.denominator != 1 and isinstance(base, Fraction):
        exact = _exact_root(base, exponent.denominator)
        if exact is not None:
            return _power(exact, Fraction(exponent.numerator), real)
    base, exponent = _inexact(base), _inexact(exponent)
    return _narrow(complex(base) ** exponent if base != 0 else base**exponent, real)


def _root(radicand, index, real: bool):
    if not isinstance(index, Fraction) or index.denominator != 1 or not 1 <= index <= 100:
        return _power(radicand, 1 / index, real)
    degree = int(index)
    if real and degree % 2 and not isinstance(radicand, complex) and radicand < 0:
        return -_root(-radicand, index, real)
    if isinstance(radicand, Fraction):
        exact = _exact_root(radicand, degree)
        if exact is not None:
            return exact
    return _narrow(complex(_inexact(radicand)) ** (1 / degree), real)


def _exact_root(value: Fraction, degree: int) -> Fraction | None:
    """The rational root of a rational number, or None."""
    if value < 0 or degree > 100:
        return None
    parts = []
    for number in (value.numerator, value.denominator):
        if number.bit_length() > 1000:
            return None
        root = math.isqrt(number) if degree == 2 else round(number ** (1 / degree))
        if root**degree != number:
            return None
        parts.append(root)
    return Fraction(*parts)


def _factorial(value):
    if isinstance(value, Fraction) and value.denominator == 1 and 0 <= value <= 2000:
        return Fraction(math.factorial(int(value)))
    value = _inexact(value)
    if isinstance(value, complex) or value < 0:
        raise Undefined
    return math.gamma(value + 1)


def _binomial(top, bottom):
    if (
        isinstance(top, Fraction)
        and isinstance(bottom, Fraction)
        and top.denominator == bottom.denominator == 1
    ):
        small = min(bottom, top - bottom)
        if 0 <= top and small * top.numerator.bit_length() <= MAX_BITS:
            return Fraction(math.comb(int(top), int(bottom))) if bottom >= 0 else Fraction(0)
    top, bottom = _inexact(top), _inexact(bottom)
    if isinstance(top, complex) or isinstance(bottom, complex) or min(top, bottom, top - bottom) < 0:
        raise Undefined
    return math.exp(math.lgamma(top + 1) - math.lgamma(bottom + 1) - math.lgamma(top - bottom + 1))

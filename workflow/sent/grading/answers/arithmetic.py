"""The value of a formula's tree: exact fractions as long as they stay small, else floats; never slow, never large.

Where floats cannot tell (a sum in which a term is lost, a number below 1e-300 or above 1e300), ``precise.py`` does.
"""

import cmath
import functools
import hashlib
import math
from fractions import Fraction

Number = Fraction | float | complex

FUNCTIONS = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan,
    "cot": lambda x: 1 / cmath.tan(x), "sec": lambda x: 1 / cmath.cos(x), "csc": lambda x: 1 / cmath.sin(x),
    "arcsin": cmath.asin, "arccos": cmath.acos, "arctan": cmath.atan,
    "arccot": lambda x: math.pi / 2 - cmath.atan(x), "arcsec": lambda x: cmath.acos(1 / x),
    "arccsc": lambda x: cmath.asin(1 / x),
    "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh,
    "coth": lambda x: 1 / cmath.tanh(x), "sech": lambda x: 1 / cmath.cosh(x), "csch": lambda x: 1 / cmath.sinh(x),
    "arsinh": cmath.asinh, "arcosh": cmath.acosh, "artanh": cmath.atanh, "arcoth": lambda x: cmath.atanh(1 / x),
    "ln": cmath.log, "log": cmath.log, "exp": cmath.exp,
}  # fmt: skip
INVERSE = {name: f"arc{name}" for name in ("sin", "cos", "tan", "cot", "sec", "csc")} | {
    name: f"ar{name}" for name in ("sinh", "cosh", "tanh", "coth")
}
CONSTANTS = {"pi": math.pi, "e": math.e, "degree": math.pi / 180, "imaginary": 1j}
MAX_BITS = 60_000  # of an exact number; a larger one goes on as a float, which ends at 1e308
MAX_FACTORIAL = 4000  # that is computed exactly
LOST = 1e-9  # a term of a sum below this share of another one is lost
CANCELLED = 1e-3  # a sum below this share of its terms has lost digits
LONG = 40  # bits of a fraction that is surely seen in a float
SMALL = 1e-290  # below this floats lose digits
FAR = 1e6  # argument from which on a function may be its limit


class UndefinedError(Exception):
    """The formula has no real (or no finite) value at this point."""


class TooLargeError(UndefinedError):
    """A number above 1e308 turned up that is no exact fraction of bounded size."""


class Lost:
    """Takes note, during one evaluation, of whether floats lost what may matter."""

    __slots__ = ("anything",)

    def __init__(self) -> None:
        self.anything = False

    def sum(self, left: Number, right: Number, total: Number) -> Number:
        """Look at ``total``, the sum or difference of two numbers of which one is a float."""
        one, other = size(left), size(right)
        large = max(one, other)
        if min(one, other) and (min(one, other) < LOST * large or size(total) < CANCELLED * large):
            self.anything = True
        return total

    def rounded(self, value: Number) -> float | complex:
        """Look at an operand that becomes a float: of a long fraction the end is lost, which may be what matters."""
        if isinstance(value, Fraction):
            self.anything |= value.numerator.bit_length() + value.denominator.bit_length() > LONG
            number = float(value)
            if value and not number:
                raise OverflowError
            return number
        return value

    def function(self, value: Number, argument: Number) -> Number:
        """Look at a value of a function: near 1, near its argument and far out it is the limit in floats before it is."""
        large = size(value)
        if size(large - 1) < LOST or size(value - argument) <= LOST * large or size(argument) > FAR:
            self.anything = True
        return self.tiny(value)

    def power(self, base: Number, value: Number) -> Number:
        """Look at a power or a root."""
        if not isinstance(value, Fraction):
            self.rounded(base)
            self.anything |= size(size(value) - 1) < LOST
        return self.tiny(value)

    def tiny(self, value: Number) -> Number:
        """Look at a result that may have run out of floats' range at its lower end."""
        if not isinstance(value, Fraction) and abs(value) < SMALL:
            self.anything = True
        return value


def value_of(tree: tuple, point: int, real: bool, whole: bool, lost: Lost | None = None) -> Number:
    """Value of a tree; the arguments are those of ``Formula.value``. Raises :class:`UndefinedError`."""
    try:
        value = _value(tree, point, real, whole, lost or Lost())
    except OverflowError:
        raise TooLargeError from None
    except (ArithmeticError, ValueError, RecursionError):
        raise UndefinedError from None
    if not isinstance(value, Fraction) and not cmath.isfinite(value):
        raise TooLargeError
    return value


def _value(tree: tuple, point: int, real: bool, whole: bool, lost: Lost) -> Number:
    kind = tree[0]
    if kind == "number":
        return tree[1]
    if kind == "symbol":
        return variable(tree[1], point, whole)
    if kind in CONSTANTS:
        return CONSTANTS[kind]
    if kind == "function":
        argument = lost.rounded(_value(tree[2], point, real, whole, lost))
        return lost.function(_narrow(FUNCTIONS[tree[1]](argument), real), argument)
    left = _value(tree[1], point, real, whole, lost)
    if kind == "negative":
        return -left
    if kind == "abs":
        return size(left)
    if kind in ("floor", "ceil"):
        return Fraction(math.floor(_real(left)) if kind == "floor" else math.ceil(_real(left)))
    if kind == "factorial":
        return _factorial(left)
    if kind == "double factorial":
        return _double_factorial(left)
    right = _value(tree[2], point, real, whole, lost)
    if kind == "power":
        return lost.power(left, _power(left, right, real))
    if kind == "root":
        return lost.power(left, _root(left, right, real))
    if kind == "binomial":
        return _binomial(left, right)
    exact = isinstance(left, Fraction) and isinstance(right, Fraction)
    if not exact:
        left, right = lost.rounded(left), lost.rounded(right)
    if kind == "multiply":
        return lost.tiny(_bounded(left * right))
    if kind == "divide":
        return lost.tiny(_bounded(left / right))
    total = left + right if kind == "add" else left - right
    return _bounded(total) if exact else lost.sum(left, right, total)


@functools.lru_cache(maxsize=10_000)
def variable(name: str, point: int, whole: bool) -> float | Fraction:
    """The number that stands for a variable: from a hash, so that it is the same in every process."""
    if name == "infty":
        raise UndefinedError
    number = int.from_bytes(hashlib.blake2b(f"{name}|{point}".encode(), digest_size=6).digest()) / 2**48
    if whole:
        return Fraction(2 + point + int(number * 5) * 2)
    return (0.3 + 2.2 * number) * (-1 if point >= 4 and int(number * 1e6) % 2 else 1)


def size(value: Number) -> Fraction | float:
    """The absolute value."""
    return abs(value)  # type: ignore[return-value] # all three have it, their join has not


def _inexact(value: Number) -> float | complex:
    """Leave the fractions: float, or complex where it is already. Raises OverflowError above 1e308."""
    return float(value) if isinstance(value, Fraction) else value


def _bounded(value: Number) -> Number:
    if (
        isinstance(value, Fraction)
        and value.numerator.bit_length() + value.denominator.bit_length() > MAX_BITS
    ):
        return float(value)
    return value


def _narrow(value: complex, real: bool) -> float | complex:
    """Drop a zero imaginary part; with ``real`` another one is an error."""
    if isinstance(value, complex):
        if abs(value.imag) <= 1e-13 * abs(value):
            return value.real
        if real:
            raise UndefinedError
    return value


def _real(value: Number) -> Fraction | float:
    if isinstance(value, complex):
        raise UndefinedError
    if isinstance(value, float) and abs(value - round(value)) < 1e-9:
        return round(value)
    return value


def _power(base: Number, exponent: Number, real: bool) -> Number:
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


def _root(radicand: Number, index: Number, real: bool) -> Number:
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


def _factorial(value: Number) -> Fraction | float:
    if isinstance(value, Fraction) and value.denominator == 1 and 0 <= value <= MAX_FACTORIAL:
        return Fraction(math.factorial(int(value)))
    value = _inexact(value)
    if isinstance(value, complex) or value < 0:
        raise UndefinedError
    return math.gamma(value + 1)


def _double_factorial(value: Number) -> Fraction:
    """``n (n-2) (n-4) ...`` down to 1 or 2; of whole numbers only, with (-1)!! = 1."""
    if not isinstance(value, Fraction) or value.denominator != 1 or not -1 <= value <= MAX_FACTORIAL:
        raise UndefinedError
    return Fraction(math.prod(range(int(value), 0, -2)))


def _binomial(top: Number, bottom: Number) -> Fraction | float:
    if (
        isinstance(top, Fraction)
        and isinstance(bottom, Fraction)
        and top.denominator == bottom.denominator == 1
    ):
        small = min(bottom, top - bottom)
        if top >= 0 and small * top.numerator.bit_length() <= MAX_BITS:
            return Fraction(math.comb(int(top), int(bottom))) if bottom >= 0 else Fraction(0)
    top, bottom = _inexact(top), _inexact(bottom)
    if isinstance(top, complex) or isinstance(bottom, complex) or min(top, bottom, top - bottom) < 0:
        raise UndefinedError
    return math.exp(math.lgamma(top + 1) - math.lgamma(bottom + 1) - math.lgamma(top - bottom + 1))

"""The value of a formula's tree: exact fractions as long as they stay small, else floats; never slow, never large."""

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
    "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh,
    "ln": cmath.log, "log": cmath.log, "exp": cmath.exp,
}  # fmt: skip
CONSTANTS = {"pi": math.pi, "e": math.e, "degree": math.pi / 180, "imaginary": 1j}
MAX_BITS = 30_000  # of an exact number; a larger one goes on as a float, which ends at 1e308
MAX_FACTORIAL = 500  # that is computed exactly


class UndefinedError(Exception):
    """The formula has no real (or no finite) value at this point."""


class TooLargeError(UndefinedError):
    """A number above 1e308 turned up that is no exact fraction of bounded size."""


def value_of(tree: tuple, point: int, real: bool, whole: bool) -> Number:
    """Value of a tree; the arguments are those of ``Formula.value``. Raises :class:`UndefinedError`."""
    try:
        value = _value(tree, point, real, whole)
    except OverflowError:
        raise TooLargeError from None
    except (ArithmeticError, ValueError, RecursionError):
        raise UndefinedError from None
    if not isinstance(value, Fraction) and not cmath.isfinite(value):
        raise TooLargeError
    return value


def _value(tree: tuple, point: int, real: bool, whole: bool) -> Number:
    kind = tree[0]
    if kind == "number":
        return tree[1]
    if kind == "symbol":
        return _variable(tree[1], point, whole)
    if kind in CONSTANTS:
        return CONSTANTS[kind]
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
        raise UndefinedError
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


def _narrow(value: complex, real: bool) -> float | complex:
    """Drop a zero imaginary part; with ``real`` another one is an error."""
    if isinstance(value, complex):
        if abs(value.imag) <= 1e-13 * abs(value):
            return value.real
        if real:
            raise UndefinedError
    return value


def _real(value) -> Fraction | float:
    if isinstance(value, complex):
        raise UndefinedError
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
    if isinstance(value, Fraction) and value.denominator == 1 and 0 <= value <= MAX_FACTORIAL:
        return Fraction(math.factorial(int(value)))
    value = _inexact(value)
    if isinstance(value, complex) or value < 0:
        raise UndefinedError
    return math.gamma(value + 1)


def _binomial(top, bottom):
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

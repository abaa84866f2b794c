"""Whether two formulas have the same value, to hundreds of digits: for what exact fractions and floats leave open.

mpmath's numbers have exponents without bounds and as many digits as are asked for. Two values that agree to
``DIGITS`` digits are the same; a difference that shrinks as digits are added is none.
"""

from fractions import Fraction
from typing import Any

from sent.grading.answers.arithmetic import TooLargeError, UndefinedError, variable

FEW, DIGITS, MOST = 50, 400, 4000
MAX_EXPONENT = 2**50  # of two: what is larger, or smaller than its inverse, is undecided
MAX_ARGUMENT = 4000  # exponent of two of what a function takes


def same_precisely(
    gold: tuple, answer: tuple, point: int = 0, real: bool = True, whole: bool = False
) -> bool | None:
    """Compare the values of two trees; None where one has no value, or is too large or too small to tell.

    The arguments behind the trees are those of ``Formula.value``.
    """
    try:
        few, size, _ = _difference(gold, answer, FEW, point, real, whole)
        if few > 1e-20 * size and size > 1e-20:
            return False
        digits = DIGITS
        many, size, lost = _difference(gold, answer, digits, point, real, whole)
        if lost > digits - 10:
            if lost > MOST:
                return None
            digits = lost + FEW
            many, size, _ = _difference(gold, answer, digits, point, real, whole)
    except (UndefinedError, ArithmeticError, ValueError, RecursionError, NotImplementedError):
        return None
    if not many or many < _power_of_ten(20 - digits) * size:
        return True
    return many < _power_of_ten(-DIGITS // 2) and many < _power_of_ten(-100) * few


def _power_of_ten(exponent: int) -> Any:
    from mpmath import mpf

    return mpf(10) ** exponent


def _difference(gold: tuple, answer: tuple, digits: int, point: int, real: bool, whole: bool) -> tuple:
    """How far two values are apart, the larger one's size, and how many digits would show every term of a sum."""
    from mpmath import mp

    with mp.workdps(digits):
        evaluator = _Evaluator(mp, digits, point, real, whole)
        a, b = evaluator.value(gold), evaluator.value(answer)
        return abs(a - b), max(abs(a), abs(b)), evaluator.lost


class _Evaluator:
    """Values of trees in the numbers of mpmath."""

    def __init__(self, mp: Any, digits: int, point: int, real: bool, whole: bool):
        self.mp, self.digits, self.point, self.real, self.whole = mp, digits, point, real, whole
        self.lost = 0

    def value(self, tree: tuple) -> Any:
        """Value of a tree. Raises :class:`UndefinedError`."""
        found = self._checked(self._value(tree))
        if isinstance(found, self.mp.mpc):
            if abs(found.imag) <= abs(found) * self.mp.mpf(10) ** (8 - self.digits):
                return found.real
            if self.real:
                raise UndefinedError
        return found

    def _checked(self, value: Any) -> Any:
        if not self.mp.isfinite(value):
            raise UndefinedError
        if value and abs(self.mp.mag(value)) > MAX_EXPONENT:
            raise TooLargeError
        return value

    def _value(self, tree: tuple) -> Any:
        mp, kind = self.mp, tree[0]
        if kind == "number":
            return self._number(tree[1])
        if kind == "symbol":
            return self._number(variable(tree[1], self.point, self.whole))
        if kind in ("pi", "e", "degree"):
            return {"pi": +mp.pi, "e": +mp.e, "degree": mp.degree + 0}[kind]
        if kind == "imaginary":
            return mp.mpc(0, 1)
        if kind == "function":
            return self._function(tree[1], self.value(tree[2]))
        left = self.value(tree[1])
        if kind in ("negative", "abs", "floor", "ceil"):
            return {
                "negative": lambda x: -x,
                "abs": abs,
                "floor": self._floor,
                "ceil": lambda x: -self._floor(-x),
            }[kind](left)
        if kind == "factorial":
            return mp.factorial(self._not_negative(left))
        if kind == "double factorial":
            return mp.fac2(self._not_negative(left))
        right = self.value(tree[2])
        if kind == "power":
            return self._power(left, right)
        if kind == "root":
            if self.real and left < 0 and mp.isint(right) and int(right) % 2:
                return -self._power(-left, 1 / right)
            return self._power(left, 1 / right)
        if kind == "binomial":
            return mp.binomial(self._not_negative(left), self._not_negative(right))
        if kind == "multiply":
            return left * right
        if kind == "divide":
            return left / right
        self._note(left, right)
        return left + right if kind == "add" else left - right

    def _number(self, value: Fraction | float) -> Any:
        return (
            self.mp.mpf(value.numerator) / value.denominator
            if isinstance(value, Fraction)
            else self.mp.mpf(value)
        )

    def _note(self, left: Any, right: Any) -> None:
        """Remember how many digits it takes to see the smaller of two terms beside the larger."""
        if left and right:
            apart = abs(self.mp.mag(left) - self.mp.mag(right)) * 0.30103
            self.lost = max(self.lost, int(apart) + 1)

    def _floor(self, value: Any) -> Any:
        """Undecided at what may be a whole number or just below one."""
        nearest = self.mp.nint(value)
        if value != nearest and abs(value - nearest) < self.mp.mpf(10) ** (10 - self.digits):
            return nearest
        return self.mp.floor(value)

    def _not_negative(self, value: Any) -> Any:
        if isinstance(value, self.mp.mpc) or value < 0 or self.mp.mag(value) > 64:
            raise UndefinedError
        return value

    def _power(self, base: Any, exponent: Any) -> Any:
        if not base:
            if self.mp.re(exponent) > 0:
                return self.mp.mpf(0)
            raise UndefinedError
        size = abs(exponent) * abs(self.mp.log(base))
        if size > MAX_EXPONENT:
            raise TooLargeError
        return base**exponent

    def _function(self, name: str, value: Any) -> Any:
        mp = self.mp
        if value and mp.mag(value) > (50 if name in ("exp", "sinh", "cosh", "tanh") else MAX_ARGUMENT):
            raise TooLargeError
        if name in ("ln", "log"):
            if not value:
                raise UndefinedError
            return mp.log(value)
        if name == "arccot":
            return mp.pi / 2 - mp.atan(value)
        known = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsec": "asec", "arccsc": "acsc"}
        known |= {"arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh", "arcoth": "acoth"}
        return getattr(mp, known.get(name, name))(value)

"""Whether two formulas have the same value, as far as arithmetic can tell: True, False, or None for undecided."""

import math
from dataclasses import dataclass
from fractions import Fraction

from sent.grading.answers.arithmetic import TooLargeError, UndefinedError
from sent.grading.answers.formula import Formula

POINTS = 8
NEEDED = 3  # points at which both formulas must have a value, before agreement counts as equality
REAL_VARIABLES = frozenset("xyztuvw")  # letters that stand for whole numbers hardly ever, even in a floor
AGREE, DIFFER, TINY = 1e-9, 1e-6, 1e-12


@dataclass(frozen=True)
class Rounding:
    """How far decimal fractions may be off; the fields are those of ``config.Grading``."""

    significant_digits: int = 3
    exact_gold_digits: int = 6
    relative_tolerance: float = 0.0
    absolute_tolerance: float = 0.0


def same_value(gold: Formula, answer: Formula, rounding: Rounding) -> bool | None:
    """Compare two formulas: constants by value, others at fixed test points.

    Two analytic formulas that agree at random points are the same (Schwartz-Zippel for polynomials); points where
    one of them has no real value are left out, unless the imaginary unit is written.
    """
    if not gold.symbols and not answer.symbols:
        try:
            return _same_constant(gold, answer, rounding)
        except OverflowError:  # a fraction beyond the range of floats met a float
            return None
    imaginary, whole = gold.imaginary or answer.imaginary, gold.discrete or answer.discrete
    if (
        whole
        and (gold.symbols | answer.symbols) & REAL_VARIABLES
        and _same_at_points(gold, answer, True, False) is False
    ):
        return False
    verdict = None if imaginary else _same_at_points(gold, answer, True, whole)
    if verdict is None and (imaginary or _same_at_points(gold, answer, False, whole)):
        return _same_at_points(gold, answer, False, whole)
    return verdict


def _same_at_points(gold: Formula, answer: Formula, real: bool, whole: bool) -> bool | None:
    agreements = 0
    for point in range(POINTS):
        try:
            a, b = gold.value(point, real, whole), answer.value(point, real, whole)
        except UndefinedError:
            continue
        verdict = _close(a, b)
        if not verdict:
            return verdict
        agreements += 1
    return True if agreements >= NEEDED else None


def _same_constant(gold: Formula, answer: Formula, rounding: Rounding) -> bool | None:
    a, b = _constants(gold, answer)
    if a is None or b is None:
        return None if a is b else False
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        if a == b:
            return True
        if _is_integer(gold, a) and not rounding.absolute_tolerance:
            return False
    elif not (gold.decimals or answer.decimals):
        return _close(a, b)
    if isinstance(a, complex) or isinstance(b, complex):
        return _close(a, b)
    if abs(a - b) <= max(rounding.absolute_tolerance, max(rounding.relative_tolerance, AGREE) * abs(a)):
        return True
    return _rounds_to(gold, a, answer, b, rounding)


def _constants(gold: Formula, answer: Formula) -> tuple:
    """The two values, in the complex numbers if one is not real; None for what has none or is too large."""
    real = not (gold.imaginary or answer.imaginary)
    values = []
    for formula in (gold, answer):
        try:
            values.append(formula.value(real=real))
        except TooLargeError:
            values.append(None)
        except UndefinedError:
            try:
                values.append(formula.value(real=False))
            except UndefinedError:
                values.append(None)
    return tuple(values)


def _is_integer(gold: Formula, value: Fraction) -> bool:
    """An integer gold (also ``27.0``, not ``2.70e1``) must be met exactly."""
    return value.denominator == 1 and (not gold.decimals or gold.tree[-1][0] != "power")


def _rounds_to(gold: Formula, a, answer: Formula, b, rounding: Rounding) -> bool | None:
    """Whether the one written with fewer digits is the rounding of the other."""
    gold_digits, answer_digits = significant_digits(gold), significant_digits(answer)
    if gold_digits is None and answer_digits is None:
        return _close(a, b)
    if gold_digits is None:  # an exact gold, such as 1/3: an answer in decimals must show it well
        return answer_digits >= rounding.exact_gold_digits > 0 and _rounded(a, answer_digits) == b
    digits = gold_digits if answer_digits is None else min(gold_digits, answer_digits)
    if not 0 < rounding.significant_digits <= digits:
        return False
    longer, shorter = (b, a) if digits == gold_digits else (a, b)
    return _rounded(longer, digits) == shorter


def significant_digits(formula: Formula) -> int | None:
    """Digits of a number written in decimals, with or without a power of ten; None for any other formula."""
    tree = formula.tree
    while tree[0] == "negative":
        tree = tree[1]
    if tree[0] == "multiply" and tree[2][0] == "power" and tree[2][1][0] == "number" and tree[2][1][1] == 10:
        tree = tree[1]
        while tree[0] == "negative":
            tree = tree[1]
    elif tree[0] == "number" and "." not in tree[2]:
        return None
    if tree[0] != "number":
        return None
    return len(tree[2].replace(".", "").lstrip("0")) or 1


def _rounded(value: Fraction | float, digits: int) -> Fraction:
    """``value`` rounded to so many significant digits, as a fraction (a tie goes away from zero)."""
    value = Fraction(value)
    if value == 0:
        return value
    magnitude = abs(value)
    power = int((magnitude.numerator.bit_length() - magnitude.denominator.bit_length()) * math.log10(2))
    while Fraction(10) ** power > magnitude:
        power -= 1
    while Fraction(10) ** (power + 1) <= magnitude:
        power += 1
    unit = Fraction(10) ** (power + 1 - digits)
    rounded = int(magnitude / unit + Fraction(1, 2)) * unit
    return rounded if value > 0 else -rounded


def _close(a, b) -> bool | None:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    a, b = _as_complex(a), _as_complex(b)
    if a is None or b is None:  # beyond the range of floats
        return None if a is b else False
    size, difference = max(abs(a), abs(b)), abs(a - b)
    if difference <= AGREE * size:
        return True
    return False if difference > DIFFER * size and size > TINY else None


def _as_complex(value) -> complex | None:
    try:
        return complex(value)
    except OverflowError:
        return None

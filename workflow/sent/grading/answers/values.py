"""Whether two formulas have the same value, as far as arithmetic can tell: True, False, or None for undecided."""

import math
from dataclasses import dataclass
from fractions import Fraction

from sent.grading.answers.arithmetic import LONG, Lost, Number, TooLargeError, UndefinedError
from sent.grading.answers.formula import Formula
from sent.grading.answers.precise import same_precisely
from sent.grading.answers.reasons import decided

POINTS = 8
NEEDED = 3  # points at which both formulas must have a value, before agreement counts as equality
REAL_VARIABLES = frozenset("xyztuvw")  # letters that stand for whole numbers hardly ever, even in a floor
AGREE, DIFFER, TINY = 1e-9, 1e-6, 1e-12
SURE = 1e-13  # relative: floats that are nearer than this agree, unless digits were lost on the way


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
    if gold.symbols or answer.symbols:
        return decided("values at test points", _same_with_variables(gold, answer), gold, answer)
    try:
        return _same_constant(gold, answer, rounding)
    except OverflowError:  # a fraction beyond the range of floats met a float
        return decided("too large to tell", None, gold, answer)


def _same_with_variables(gold: Formula, answer: Formula) -> bool | None:
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
        lost = Lost()
        try:
            a, b = gold.value(point, real, whole, lost), answer.value(point, real, whole, lost)
        except TooLargeError:
            verdict = same_precisely(gold.tree, answer.tree, point, real, whole)
        except UndefinedError:
            continue
        else:
            verdict = _close(a, b)
            if verdict is None or lost.anything:
                found = same_precisely(gold.tree, answer.tree, point, real, whole)
                verdict = verdict if found is None else found
        if verdict is None:
            continue
        if not verdict:
            return False
        agreements += 1
    return True if agreements >= NEEDED else None


def _same_constant(gold: Formula, answer: Formula, rounding: Rounding) -> bool | None:
    decimals, lost = gold.decimals or answer.decimals, Lost()
    (a, a_real), (b, b_real) = _constant(gold, lost), _constant(answer, lost)
    real = a_real and b_real and not (gold.imaginary or answer.imaginary)
    if a is None or b is None:
        if a_real is None or b_real is None:
            return decided("no value", None if a is b else False, gold, answer)
        found = _same_size(gold, answer, real)
        return decided("too large for floats", found if found is not None or a is b else False, gold, answer)
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        if a == b:
            return decided("exact fractions", True, gold, answer)
        if not rounding.absolute_tolerance and (not decimals or _is_integer(gold, a)):
            return decided("exact fractions", False, gold, answer)
    elif not decimals and not rounding.absolute_tolerance:
        return _same_inexact(gold, answer, a, b, lost.anything, real)
    if isinstance(a, complex) or isinstance(b, complex):
        return decided("complex numbers", _close(a, b), gold, answer)
    exact = isinstance(a, Fraction) and isinstance(b, Fraction) and significant_digits(answer) is None
    relative = rounding.relative_tolerance if exact else max(rounding.relative_tolerance, AGREE)
    if abs(a - b) <= max(rounding.absolute_tolerance, relative * abs(a)):
        return decided("tolerance", True, gold, answer)
    if not decimals:  # a tolerance, and two exact values beyond it
        return decided("tolerance", False, gold, answer)
    return decided("rounding", _rounds_to(gold, a, answer, b, rounding), gold, answer)


def _same_inexact(
    gold: Formula, answer: Formula, a: Number, b: Number, lost: bool, real: bool
) -> bool | None:
    """Two exact values, of which one is no fraction: by floats where these are sure, else to many digits."""
    lost = lost or any(isinstance(value, Fraction) and _is_long(value) for value in (a, b))
    x, y = _as_complex(a), _as_complex(b)
    if x is not None and y is not None and not lost:
        size, difference = max(abs(x), abs(y)), abs(x - y)
        if difference > DIFFER * size and size > TINY:
            return decided("floats", False, gold, answer)
        if difference <= SURE * size:
            return decided("floats", True, gold, answer)
    return decided("hundreds of digits", same_precisely(gold.tree, answer.tree, real=real), gold, answer)


def _is_long(value: Fraction) -> bool:
    return value.numerator.bit_length() + value.denominator.bit_length() > LONG


def _same_size(gold: Formula, answer: Formula, real: bool) -> bool | None:
    """Two constants of which one is beyond floats: powers of one base by their exponents, others to many digits."""
    one, other = gold.tree, answer.tree
    if one == other:
        return True
    if one[0] == other[0] == "power" and one[1] == other[1] and one[1][0] == "number" and one[1][1] > 1:
        return same_value(Formula(one[2]), Formula(other[2]), Rounding())
    return same_precisely(one, other, real=real)


def _constant(formula: Formula, lost: Lost) -> tuple:
    """The value, and whether it is real; (None, True) for what is too large for floats, (None, None) for no value."""
    try:
        return formula.value(real=not formula.imaginary, lost=lost), not formula.imaginary
    except TooLargeError:
        return None, True
    except UndefinedError:
        pass
    try:
        return formula.value(real=False, lost=lost), False
    except TooLargeError:
        return None, False
    except UndefinedError:
        return None, None


def _is_integer(gold: Formula, value: Fraction) -> bool:
    """An integer gold (also ``27.0``, not ``2.70e1``) must be met exactly."""
    return value.denominator == 1 and (not gold.decimals or gold.tree[-1][0] != "power")


def _rounds_to(
    gold: Formula, a: Fraction | float, answer: Formula, b: Fraction | float, rounding: Rounding
) -> bool | None:
    """Whether the one written with fewer digits is the rounding of the other."""
    gold_digits, answer_digits = significant_digits(gold), significant_digits(answer)
    if gold_digits is None:  # an exact gold, such as 1/3: an answer in decimals must show it well
        if answer_digits is None:
            return _close(a, b)
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


def _close(a: Number, b: Number) -> bool | None:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    x, y = _as_complex(a), _as_complex(b)
    if x is None or y is None:  # beyond the range of floats
        return None if x is y else False
    size, difference = max(abs(x), abs(y)), abs(x - y)
    if difference <= AGREE * size:
        return True
    return False if difference > DIFFER * size and size > TINY else None


def _as_complex(value: Number) -> complex | None:
    try:
        return complex(value)
    except OverflowError:
        return None

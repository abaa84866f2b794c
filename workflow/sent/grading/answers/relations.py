"""Equations, assignments and inequalities against each other and against plain values."""

import re
from collections.abc import Callable

from sent.grading.answers.arithmetic import UndefinedError
from sent.grading.answers.formula import UnreadableError, read
from sent.grading.answers.intervals import interval, is_inequality
from sent.grading.answers.names import NAME, is_name
from sent.grading.answers.structure import EQUALS, Relation, Scalar, structure
from sent.grading.answers.values import AGREE, DIFFER, NEEDED, POINTS

Same = Callable[[object, object], bool | None]

VALUE_OF = re.compile(r"(?<![A-Za-z\\])([A-Wa-w])\s*\(\s*-?[\w.]+(?:\s*,\s*-?[\w.]+)*\s*\)")  # f(3)
SCRIPTS = re.compile(r"[_^]\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\?\w)|\\text\s*\{[^{}]*\}")
POLYNOMIAL = frozenset(("number", "symbol", "pi", "e", "add", "subtract", "multiply", "negative"))
CLOSE_ENOUGH = 0.05  # relative; what may stand on the two sides of an approximation sign


def same_relation(gold, answer, same: Same, symbolic) -> bool | None:
    """Compare where at least one side is a :class:`Relation`. ``same`` compares trees, ``symbolic`` texts."""
    gold, answer = _name_first(gold), _name_first(answer)
    if is_inequality(gold) or is_inequality(answer):
        return _same_inequality(gold, answer, same)
    if not isinstance(gold, Relation):
        return _chain_is(answer, gold, same)
    name, value = _assignment(gold)
    if not isinstance(answer, Relation):
        return same(value, answer) if name else False
    answer_name, _ = _assignment(answer)
    if name and answer_name and _compatible(name, answer_name):
        return _chain_is(answer, value, same)
    return _same_equation(gold, answer)


def _name_first(tree):
    """``5 = x`` as ``x = 5``."""
    if (
        isinstance(tree, Relation)
        and tree.operators == ("=",)
        and is_name(tree.parts[1])
        and not is_name(tree.parts[0])
    ):
        return Relation(tree.parts[::-1], tree.operators)
    return tree


def _assignment(relation: Relation) -> tuple[str | None, object]:
    """The name and the value (last part) of ``x = ...``; the name is None for any other relation."""
    if all(op in EQUALS for op in relation.operators) and is_name(relation.parts[0]):
        return relation.parts[0], structure(relation.parts[-1])
    return None, None


def _compatible(name: str, other: str) -> bool:
    """Names differ only if their first letters do: ``m`` and ``m_{\\max}`` are one name, ``x`` and ``y`` two."""
    letters = [NAME.fullmatch(text) for text in (name, other)]
    if not all(letters):
        return name.replace(" ", "") == other.replace(" ", "")
    return letters[0].group(1).casefold() == letters[1].group(1).casefold()


def _chain_is(chain: Relation, gold, same: Same) -> bool | None:
    """Whether a chain ``name = value = value`` states ``gold``: every value in it has to be gold.

    What stands before the first sign is a name if no number is in it. Of ``value \\approx rounded`` one has to be
    gold, and the two near each other.
    """
    if not set(chain.operators) <= {*EQUALS, r"\approx", r"\Rightarrow", r"\implies", r"\to"}:
        return None
    parts = list(chain.parts)
    if _names_what_follows(parts[0], chain.operators[0]):
        parts = parts[1:]
    verdicts = [same(gold, structure(part)) for part in parts]
    if r"\approx" in chain.operators and any(verdicts) and not all(verdicts):
        return _near_each_other(parts)
    if any(verdict is False for verdict in verdicts):
        return False
    return None if None in verdicts or not verdicts else True


def _names_what_follows(part: str, operator: str) -> bool:
    if not part:
        return True
    if operator == r"\approx":  # \pi \approx 3.14 states two values
        try:
            return bool(read(part).symbols)
        except UnreadableError:
            pass
    return bool(re.search(r"[A-Za-z]", part)) and not re.search(
        r"\d", VALUE_OF.sub(r"\1", SCRIPTS.sub("", part))
    )


def _near_each_other(parts: list[str]) -> bool:
    try:
        values = [abs(complex(read(part).value())) for part in parts]
    except (UnreadableError, UndefinedError, OverflowError):
        return False
    return max(values) - min(values) <= CLOSE_ENOUGH * max(values)


def _same_equation(gold: Relation, answer: Relation) -> bool | None:
    """Two equations are the same if the differences of their sides have a constant ratio at all test points."""
    if (
        len(gold.parts) != 2
        or len(answer.parts) != 2
        or not set(gold.operators + answer.operators) <= set(EQUALS)
    ):
        return None
    try:
        formulas = [read(f"({left})-({right})") for left, right in (gold.parts, answer.parts)]
    except UnreadableError:
        return None
    if not formulas[0].symbols:
        return False
    ratios = []
    for point in range(POINTS):
        try:
            above, below = (complex(formula.value(point, real=False)) for formula in formulas)
        except (UndefinedError, OverflowError):
            continue
        if not below:
            return None
        ratios.append(above / below)
    if len(ratios) < NEEDED:
        return None
    spread = max(abs(ratio - ratios[0]) for ratio in ratios) / (abs(ratios[0]) or 1)
    if ratios[0] and spread <= AGREE:
        return True
    return False if spread > DIFFER and all(_is_polynomial(formula.tree) for formula in formulas) else None


def _is_polynomial(tree: tuple) -> bool:
    """For polynomials a ratio that varies counts as a difference (``F = 0`` and ``F^2 = 0`` then differ, too)."""
    kind, parts = tree[0], [part for part in tree[1:] if isinstance(part, tuple)]
    if kind == "power":
        exponent = tree[2]
        return exponent[0] == "number" and exponent[1].denominator == 1 and _is_polynomial(tree[1])
    if kind == "divide":
        return tree[2][0] == "number" and _is_polynomial(tree[1])
    return kind in POLYNOMIAL and all(_is_polynomial(part) for part in parts)


def _same_inequality(gold, answer, same: Same) -> bool | None:
    if isinstance(gold, Scalar) or isinstance(answer, Scalar):
        return False
    variables, sets = [], []
    for tree in (gold, answer):
        variable, numbers = interval(tree) if isinstance(tree, Relation) else (None, tree)
        if numbers is None:
            return None
        variables.append(variable)
        sets.append(numbers)
    if all(variables) and variables[0] != variables[1]:
        return False
    return same(*sets)

"""Equations, assignments and inequalities against each other and against plain values."""

import re
from collections.abc import Callable, Iterable

from sent.grading.answers.arithmetic import UndefinedError
from sent.grading.answers.formula import UnreadableError, read
from sent.grading.answers.intervals import FLIP, interval, is_inequality
from sent.grading.answers.names import NAME, OF_ANGLE, PROBABILITY, is_name
from sent.grading.answers.reasons import decided
from sent.grading.answers.structure import EQUALS, Relation, Scalar, Tree, structure
from sent.grading.answers.values import AGREE, DIFFER, NEEDED, POINTS

Same = Callable[[Tree, Tree], bool | None]

LETTER, MACRO = (
    re.compile("[A-Za-z]"),
    re.compile(r"\\(?:frac|sqrt|cdot|pi|degree|dollar|text\s*\{[^{}]*\})(?![a-zA-Z])"),
)
ARGUMENT = re.compile(r"\(\s*([a-z])\s*\)")
VALUE_OF = re.compile(
    r"(?<![A-Za-z\\])([A-Za-z]'*)\s*\(\s*-?[\w.]+(?:\s*,\s*-?[\w.]+)*\s*\)|(?<![A-Za-z\\])([fghFGHP]'*)\s*\([^()=]*\)"
)
"""f(3), of the usual names of functions also f(\\frac12)."""
SUBSCRIPT = re.compile(r"_\s*\{?\s*(?:\\text\s*\{\s*)?(\d+|[a-zA-Z]+)")
SCRIPTS = re.compile(r"[_^]\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\?\w)|\\text\s*\{[^{}]*\}")
POLYNOMIAL = frozenset(("number", "symbol", "pi", "e", "add", "subtract", "multiply", "negative"))
CLOSE_ENOUGH = 0.05  # relative; what may stand on the two sides of an approximation sign


def same_relation(gold: Tree, answer: Tree, same: Same) -> bool | None:
    """Compare where at least one side is a :class:`Relation`. ``same`` compares trees."""
    gold, answer = _name_first(gold, answer), _name_first(answer, gold)
    if is_inequality(gold) or is_inequality(answer):
        return decided("inequalities", _same_inequality(gold, answer, same))
    if not isinstance(gold, Relation):
        assert isinstance(answer, Relation), "one of the two is"
        return decided("every value of a chain", _chain_is(answer, gold, same))
    if r"\to" in gold.operators:
        return decided("reaction, side by side", _same_reaction(gold, answer, same))
    if values := _constants(gold):
        return decided("one value of a chain", _states_one_of(values, answer, same))
    name, value = _assignment(gold)
    if not isinstance(answer, Relation):
        return decided("value of a name", same(value, answer) if name else False)
    answer_name, _ = _assignment(answer)
    if name and answer_name and _compatible(name, answer_name):
        if _is_of_another_letter(name, answer_name, answer.parts[-1]):
            return decided("letter of the argument", False, name, answer_name)
        found = decided("every value of a chain", _chain_is(answer, value, same))
        if found is not False or len(answer.parts) > 2 or not _same_equation(gold, answer):
            return found
    return decided("equation up to a factor", _same_equation(gold, answer))


def _same_reaction(gold: Relation, answer: Tree, same: Same) -> bool | None:
    """``2H_2 + O_2 \\to 2H_2O``: side by side."""
    if not isinstance(answer, Relation) or gold.operators != answer.operators:
        return False
    verdicts = [same(*map(structure, sides)) for sides in zip(gold.parts, answer.parts, strict=True)]
    return False if False in verdicts else None if None in verdicts else True


def _constants(relation: Relation) -> list | None:
    """The values of a chain without any name, such as ``0.56 = 56\\%``; None for any other relation."""
    if not set(relation.operators) <= {*EQUALS, r"\approx"}:
        return None
    values = [structure(part) for part in relation.parts]
    if any(not isinstance(value, Scalar) or LETTER.search(MACRO.sub("", value.text)) for value in values):
        return None
    return values


def _states_one_of(values: list, answer: Tree, same: Same) -> bool | None:
    """Whether the answer, or every value of an answer that is a chain, is one of the values of the gold chain."""
    if not isinstance(answer, Relation):
        return _any(same(value, answer) for value in values)
    parts = answer.parts[1:] if _names_what_follows(answer.parts[0], answer.operators[0]) else answer.parts
    if not set(answer.operators) <= {*EQUALS, r"\approx"}:
        return False
    verdicts = [_any(same(value, structure(part)) for value in values) for part in parts]
    return False if False in verdicts else None if None in verdicts else True


def _any(verdicts: Iterable[bool | None]) -> bool | None:
    found = list(verdicts)
    return True if True in found else None if None in found else False


def _name_first(tree: Tree, other: Tree) -> Tree:
    """``5 = x`` as ``x = 5``; of ``ax + b = f`` the name is on the right only beside another equation."""
    if (
        isinstance(tree, Relation)
        and tree.operators == ("=",)
        and is_name(tree.parts[1])
        and not is_name(tree.parts[0])
        and (isinstance(other, Relation) or not LETTER.search(MACRO.sub("", tree.parts[0])))
    ):
        return Relation(tree.parts[::-1], tree.operators)
    return tree


def _assignment(relation: Relation) -> tuple[str | None, Tree]:
    """The name and the value (last part) of ``x = ...``; the name is None for any other relation."""
    if all(op in EQUALS for op in relation.operators) and is_name(relation.parts[0]):
        return relation.parts[0], structure(relation.parts[-1])
    return None, relation


def _is_of_another_letter(name: str, other: str, value: str) -> bool:
    """Whether ``f(v) = x`` leaves the ``x`` of ``f(x)`` without a meaning."""
    mine, its = ARGUMENT.search(name), ARGUMENT.search(other)
    if mine is None or its is None or mine.group(1) == its.group(1):
        return False
    return bool(re.search(rf"(?<![A-Za-z\\]){mine.group(1)}(?![A-Za-z])", value))


def _compatible(name: str, other: str) -> bool:
    """Names differ only if their letters or indices do: ``m`` and ``m_{\\max}`` are one name, ``x_1`` and ``x_2`` two."""
    if any(
        one != two and one.isdigit() == two.isdigit() and not one.startswith(two) and not two.startswith(one)
        for one, two in zip(*(SUBSCRIPT.findall(text) for text in (name, other)), strict=False)
    ):
        return False
    mine, its = NAME.fullmatch(name), NAME.fullmatch(other)
    if mine is None or its is None:
        return name.replace(" ", "") == other.replace(" ", "")
    same_letters = mine.group(1).casefold() == its.group(1).casefold()
    return same_letters and name.count("'") == other.count("'")


def _chain_is(chain: Relation, gold: Tree, same: Same) -> bool | None:
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
    if not part or PROBABILITY.fullmatch(part):
        return True
    if operator == r"\approx":  # \pi \approx 3.14 states two values
        try:
            return bool(read(part).symbols)
        except UnreadableError:
            pass
    if OF_ANGLE.fullmatch(part):
        return True
    return bool(re.search(r"[A-Za-z]", part)) and not re.search(
        r"\d", VALUE_OF.sub(r"\1\2", SCRIPTS.sub("", part))
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
    ratios = _ratios(formulas)
    if ratios is None:
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


def _same_inequality(gold: Tree, answer: Tree, same: Same) -> bool | None:
    if isinstance(gold, Scalar) or isinstance(answer, Scalar):
        return False
    variables, sets = [], []
    for tree in (gold, answer):
        variable, numbers = interval(tree) if isinstance(tree, Relation) else (None, tree)
        if numbers is None:
            return _same_order(gold, answer)
        variables.append(variable)
        sets.append(numbers)
    if all(variables) and variables[0] != variables[1]:
        return _same_order(gold, answer) or False
    return same(*sets)


def _same_order(gold: Tree, answer: Tree) -> bool | None:
    """``x < y`` is ``y > x`` and ``2x < 2y``: links of the same strictness whose sides differ by a positive factor."""
    if not isinstance(gold, Relation) or not isinstance(answer, Relation):
        return None
    links, others = _links(gold), _links(answer)
    if links is None or others is None or len(links) != len(others):
        return None
    return (
        False
        if (found := [_same_link(*pair) for pair in zip(links, others, strict=True)]).count(False)
        else (None if None in found else True)
    )


def _links(relation: Relation) -> list[tuple[str, str, str]] | None:
    """``c > b \\ge a`` as a <= b, b < c: all signs in one direction; None where they point in two."""
    parts, operators = relation.parts, relation.operators
    if all(op in (">", r"\ge", "=") for op in operators):
        parts, operators = parts[::-1], tuple(FLIP.get(op, op) for op in operators[::-1])
    if not all(op in ("<", r"\le", "=", r"\ne") for op in operators):
        return None
    return list(zip(parts, operators, parts[1:], strict=False))


def _ratios(formulas: list) -> list[complex] | None:
    """Return the first formula's value over the second's at enough points; None where that cannot be had."""
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
    return ratios


def _same_link(gold: tuple[str, str, str], answer: tuple[str, str, str]) -> bool | None:
    if gold[1] != answer[1]:
        return False
    try:
        formulas = [read(f"({right})-({left})") for left, _, right in (gold, answer)]
    except UnreadableError:
        return None
    ratios = _ratios(formulas)
    if ratios is None:
        return None
    first = ratios[0]
    if max(abs(ratio - first) for ratio in ratios) > AGREE * abs(first):
        return False
    return first.real > 0 or gold[1] in ("=", r"\ne")

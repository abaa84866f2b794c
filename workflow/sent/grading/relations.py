"""Equations, assignments and inequalities against each other and against plain values."""

import re
from collections.abc import Callable

from sent.grading.arithmetic import UndefinedError
from sent.grading.formula import UnreadableError, read
from sent.grading.structure import EQUALS, Group, Relation, Scalar, Union, structure
from sent.grading.values import AGREE, DIFFER, NEEDED, POINTS

Same = Callable[[object, object], bool | None]

_SUBSCRIPT = r"(?:\s*_\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\?\w+))?"
NAME = re.compile(
    r"(?:\\(?:angle|triangle|overline|vec|hat|bar|dot|ddot|tilde|mathbb)\s*)*\{?\s*"
    rf"(\\text\s*\{{[^{{}}]*\}}|\\[a-zA-Z]+|[A-Za-z]+(?:\s[A-Z])*){_SUBSCRIPT}\s*\}}?{_SUBSCRIPT}[\s']*"
    r"(?:\(\s*[A-Za-z\\][A-Za-z,\\\s_0-9]*\))?\s*"
)
DERIVATIVE = re.compile(r"\\frac\s*\{\s*d[^{}]*\}\s*\{\s*d[^{}]*\}\s*")
TUPLE_OF_NAMES = re.compile(r"\(\s*[A-Za-z](?:\s*,\s*[A-Za-z])+\s*\)\s*")
SCRIPTS = re.compile(r"[_^]\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\?\w)|\\text\s*\{[^{}]*\}")
FLIP = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}
POLYNOMIAL = frozenset(("number", "symbol", "pi", "e", "add", "subtract", "multiply", "negative"))
CLOSE_ENOUGH = 0.05  # relative; what may stand on the two sides of an approximation sign


def same_relation(gold, answer, same: Same, symbolic) -> bool | None:
    """Compare where at least one side is a :class:`Relation`. ``same`` compares trees, ``symbolic`` texts."""
    if _is_inequality(gold) or _is_inequality(answer):
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


def as_union(tree) -> Union | None:
    """A union of intervals from an interval, a union, or a list of inequalities in one variable."""
    if isinstance(tree, Union):
        return tree
    if isinstance(tree, Group) and tree.brackets:
        return Union((tree,))
    if isinstance(tree, Group):
        parts = [_interval(item)[1] if isinstance(item, Relation) else None for item in tree.items]
        return Union(tuple(parts)) if all(parts) else None
    return None


def is_name(text: str) -> bool:
    """Whether the left side of an equation only names what follows: ``x``, ``f(x)``, ``m_{\\max}``, ``(x,y)``."""
    return any(pattern.fullmatch(text) for pattern in (NAME, TUPLE_OF_NAMES, DERIVATIVE))


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
    return bool(re.search(r"[A-Za-z]", part)) and not re.search(r"\d", SCRIPTS.sub("", part))


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


def _is_inequality(tree) -> bool:
    return isinstance(tree, Relation) and any(op in FLIP or op == r"\ne" for op in tree.operators)


def _same_inequality(gold, answer, same: Same) -> bool | None:
    if isinstance(gold, Scalar) or isinstance(answer, Scalar):
        return False
    variables, sets = [], []
    for tree in (gold, answer):
        variable, interval = _interval(tree) if isinstance(tree, Relation) else (None, tree)
        if interval is None:
            return None
        variables.append(variable)
        sets.append(interval)
    if all(variables) and variables[0] != variables[1]:
        return False
    return same(*sets)


def _interval(relation: Relation) -> tuple[str | None, Group | Union | None]:
    """``1 < x \\le 2`` as the variable and the set ``(1,2]``; (None, None) for what is no set of numbers."""
    parts, operators = relation.parts, relation.operators
    if operators == (r"\ne",) and is_name(parts[0]):
        bound = Scalar(parts[1])
        below, above = Group((Scalar(r"-\infty"), bound), "()"), Group((bound, Scalar(r"\infty")), "()")
        return parts[0], Union((below, above))
    if not all(op in FLIP for op in operators):
        return None, None
    if len(parts) == 2 and is_name(parts[1]) and not is_name(parts[0]):
        parts, operators = parts[::-1], (FLIP[operators[0]],)
    if len(parts) == 2 and is_name(parts[0]):
        bound = Scalar(parts[1])
        closed = operators[0] in (r"\le", r"\ge")
        if operators[0] in ("<", r"\le"):
            return parts[0], Group((Scalar(r"-\infty"), bound), "(]" if closed else "()")
        return parts[0], Group((bound, Scalar(r"\infty")), "[)" if closed else "()")
    if len(parts) != 3 or not is_name(parts[1]):
        return None, None
    if operators[0] in (">", r"\ge"):
        parts, operators = parts[::-1], tuple(FLIP[op] for op in operators[::-1])
    if operators[1] not in ("<", r"\le"):
        return None, None
    brackets = ("[" if operators[0] == r"\le" else "(") + ("]" if operators[1] == r"\le" else ")")
    return parts[1], Group((Scalar(parts[0]), Scalar(parts[2])), brackets)

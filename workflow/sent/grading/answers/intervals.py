"""Sets of real numbers from intervals, unions, inequalities and differences."""

import math
import re

from sent.grading.answers.arithmetic import UndefinedError
from sent.grading.answers.formula import UnreadableError, read
from sent.grading.answers.names import is_name
from sent.grading.answers.structure import Difference, Group, Relation, Scalar, Union

FLIP = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}
ABSOLUTE = re.compile(r"\|\s*([^|]+?)\s*\|")
INTERVALS = ("()", "[]", "(]", "[)")


def as_union(tree: object) -> Union | None:
    """A union of intervals and finite sets: from one, from a difference, or from a list of intervals or inequalities."""
    if isinstance(tree, Union):
        pieces = [piece for part in tree.parts for piece in (as_union(part) or Union((part,))).parts]
        points = [piece for piece in pieces if isinstance(piece, Group) and piece.brackets == "{}"]
        if len(points) < 2:
            return Union(tuple(pieces))
        together = Group(tuple(item for piece in points for item in piece.items), "{}")
        return Union((*(piece for piece in pieces if piece not in points), together))
    if isinstance(tree, Difference):
        return _difference(tree)
    if isinstance(tree, Relation) and tree.operators == ("=",) and is_name(tree.parts[0]):
        return Union((Group((Scalar(tree.parts[1]),), "{}"),))
    if isinstance(tree, Relation):
        found = interval(tree)[1]
        return found if isinstance(found, Union | None) else Union((found,))
    if isinstance(tree, Group) and tree.brackets:
        return Union((tree,))
    if isinstance(tree, Group):
        parts = [as_union(item) for item in tree.items]
        return _both_bounds(tree) or (as_union(Union(tree.items)) if all(parts) else None)
    return None


def is_list_of_bounds(tree: object) -> bool:
    """Whether a bare list holds inequalities, and beside them nothing but equations."""
    return (
        isinstance(tree, Group)
        and not tree.brackets
        and any(map(is_inequality, tree.items))
        and all(isinstance(item, Relation) for item in tree.items)
    )


def is_inequality(tree: object) -> bool:
    """Whether an order or an unequal sign stands in a relation."""
    return isinstance(tree, Relation) and any(op in FLIP or op == r"\ne" for op in tree.operators)


def _both_bounds(group: Group) -> Union | None:
    """``x > 1`` and ``x < 4`` as (1,4); None where the two bounds leave no number between them, or are no two bounds."""
    if len(group.items) != 2 or not all(isinstance(item, Relation) for item in group.items):
        return None
    (name, one), (other_name, other) = map(interval, group.items)
    if name != other_name or not (isinstance(one, Group) and isinstance(other, Group)):
        return None
    low, high = (one, other) if one.items[1].text == r"\infty" else (other, one)
    if (low.items[1].text, high.items[0].text) != (r"\infty", r"-\infty"):
        return None
    least, most = number(low.items[0]), number(high.items[1])
    if least is None or most is None or not least < most:
        return None
    return Union((Group((low.items[0], high.items[1]), low.brackets[0] + high.brackets[1]),))


def _difference(tree: Difference) -> Union | None:
    """Intervals without some single points; None where an end or a point is no number."""
    whole, points = as_union(tree.whole), tree.removed
    points = points.items if isinstance(points, Group) and points.brackets in ("{}", "") else (points,)
    if whole is None or any(part.brackets not in INTERVALS for part in whole.parts):
        return None
    pieces = list(whole.parts)
    for point in points:
        if number(point) is None:
            return None
        pieces = [piece for part in pieces for piece in _without(part, point)]
    return Union(tuple(pieces))


def _without(part: Group, point: Scalar) -> list[Group]:
    low, high, at = number(part.items[0]), number(part.items[1]), number(point)
    if low is None or high is None or at is None or not low <= at <= high:
        return [part]
    left = [Group((part.items[0], point), part.brackets[0] + ")")] if at > low else []
    right = [Group((point, part.items[1]), "(" + part.brackets[1])] if at < high else []
    return left + right


def number(tree: object) -> float | None:
    """The real number that a scalar stands for, also infinite; None if it is none."""
    if not isinstance(tree, Scalar):
        return None
    if tree.text.replace(" ", "").lstrip("+-") == r"\infty":
        return -math.inf if "-" in tree.text else math.inf
    try:
        value = complex(read(tree.text).value())
    except (UnreadableError, UndefinedError, OverflowError):
        return None
    return value.real if not read(tree.text).symbols and not value.imag else None


def interval(relation: Relation) -> tuple[str | None, Group | Union | None]:
    """``1 < x \\le 2`` as the variable and the set ``(1,2]``; (None, None) for what is no set of numbers."""
    parts, operators = relation.parts, relation.operators
    if operators == (r"\ne",) and is_name(parts[0]):
        bound = Scalar(parts[1])
        below, above = Group((Scalar(r"-\infty"), bound), "()"), Group((bound, Scalar(r"\infty")), "()")
        return parts[0], Union((below, above))
    if not all(op in FLIP for op in operators):
        return None, None
    if len(parts) == 2 and (size := ABSOLUTE.fullmatch(parts[0])) and is_name(size.group(1)):
        return size.group(1), _around_zero(operators[0], parts[1])
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


def _around_zero(operator: str, bound: str) -> Group | Union | None:
    """``|x| < 2`` as (-2,2), ``|x| > 2`` as what is left outside; None where the bound is no positive number."""
    size = number(Scalar(bound))
    if size is None or not 0 < size < math.inf:
        return None
    low, high = Scalar(f"-({bound})"), Scalar(bound)
    closed = operator in (r"\le", r"\ge")
    if operator in ("<", r"\le"):
        return Group((low, high), "[]" if closed else "()")
    outside = (
        Group((Scalar(r"-\infty"), low), "(]" if closed else "()"),
        Group((high, Scalar(r"\infty")), "[)" if closed else "()"),
    )
    return Union(outside)

"""The decision whether an answer is the gold answer: True, False, or None where only symbolic algebra can tell."""

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from sent.grading.answers.brackets import bare, nesting
from sent.grading.answers.formula import UnreadableError, has_foreign_macro, read
from sent.grading.answers.intervals import INTERVALS, as_union, is_list_of_bounds
from sent.grading.answers.latex import canonical
from sent.grading.answers.number_words import number_in_words
from sent.grading.answers.qualifiers import contradict, split_qualifier
from sent.grading.answers.reasons import decided
from sent.grading.answers.relations import same_relation
from sent.grading.answers.structure import (
    MAX_CACHED,
    MIXED,
    Difference,
    Group,
    Matrix,
    Relation,
    Scalar,
    Tree,
    Union,
    as_tuple,
    assignments,
    structure,
)
from sent.grading.answers.units import canonical_unit, is_known
from sent.grading.answers.values import Rounding, same_value
from sent.grading.answers.words import Word, after_choice, is_choice

Symbolic = Callable[[str, str], bool | None]
ARGUMENT = re.compile(r"(?<=[A-Za-z'])\s*\(\s*[tx]\s*\)")
DERIVATIVE_OF_VALUE = re.compile(r"\\frac\s*\{\s*d\s*[A-Za-z]\s*\(\s*[tx]\s*\)\s*\}\s*\{\s*d")
PRIMED = re.compile(r"[A-Za-z\d}]'")
DERIVATIVE = re.compile(
    r"\\frac\s*\{\s*d\s*(?:\^\s*\{?\s*(\d)\s*\}?)?\s*(\\?[A-Za-z]+(?:_\w)?)\s*\}\s*\{\s*d\s*\\?[A-Za-z]+\s*(?:\^\s*\{?\s*\d\s*\}?)?\s*\}"
)
MEMBER = re.compile(r"([A-Za-z])\s*\\in(?![a-z])")
NO_MATHS = re.compile(r"[\"`#@?]|__|'[A-Za-z/]")
LETTERS_BEHIND = re.compile(r"[\d}][a-zA-Z]{1,4}$")
LETTER = re.compile(r"(?<![\\A-Za-z])[A-Za-z](?![A-Za-z]*\s*\{)")
ENVIRONMENT_NAME = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}")
PROSE, WORDS_OF_PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}"), 3
MAX_NESTING = 100  # of brackets, when those that mean nothing are gone
MAX_UNORDERED = 100  # items of a list whose order is free: of a longer one the items must be written the same


@dataclass(frozen=True)
class Policy:
    """What counts as the same answer; the fields are explained in ``config.Grading``."""

    percent: str = "either"
    units: str = "optional"
    order: str = "notation"
    rounding: Rounding = field(default_factory=Rounding)

    def with_tolerance(self, absolute: float | None = None) -> "Policy":
        """The same with another absolute tolerance, where one is given."""
        if absolute is None:
            return self
        return replace(self, rounding=replace(self.rounding, absolute_tolerance=absolute))


def same_answer(gold: str, answer: str, policy: Policy, symbolic: Symbolic | None = None) -> bool | None:
    """Compare two answers as they were written.

    ``symbolic`` decides about two formulas (or two whole answers of different kinds) that arithmetic leaves open;
    without it the result is None for those. An answer with unbalanced brackets, or with signs that mathematics
    does not use, equals nothing but itself.
    """
    gold, answer = _prepared(gold), _prepared(answer)
    if not answer or not gold:
        return decided("nothing but markup", False, gold, answer)
    if squeezed(gold) == squeezed(answer):
        return decided("same text", True, gold, answer)
    qualified = (gold, condition), (answer, other_condition) = split_qualifier(gold), split_qualifier(answer)
    if contradict(*qualified):
        return decided("for other numbers", False, condition, other_condition)
    member, other = MEMBER.match(gold), MEMBER.match(answer)
    if member and other and member.group(1) != other.group(1):
        return decided("names", False, member.group(1), other.group(1))
    gold, answer = _in_primes(gold, answer), _in_primes(answer, gold)
    if NO_MATHS.search(answer) or not all(0 <= nesting(text) <= MAX_NESTING for text in (gold, answer)):
        return decided("no mathematics", False, gold, answer)
    verdict: bool | None = False
    for gold_tree in _readings(gold):
        for answer_tree in _readings_of_answer(answer, gold):
            verdict = _or(verdict, _same(gold_tree, answer_tree, policy, symbolic))
    if verdict is None and (_is_prose(gold) or _is_prose(answer)):
        return decided("prose", False, gold, answer)
    if verdict is None and symbolic is not None:
        return bool(symbolic(gold, answer))
    return verdict


def _is_prose(text: str) -> bool:
    """Whether a text is sentences rather than a formula, whatever signs stand in it: math-verify is not asked then."""
    return len(PROSE.findall(ENVIRONMENT_NAME.sub("", text))) >= WORDS_OF_PROSE


def _in_primes(text: str, other: str) -> str:
    """``\\frac{dx}{dt}`` as ``x'``, where the other answer writes derivatives so and thereby leaves open by what."""
    if ("'" in text + other or DERIVATIVE_OF_VALUE.search(text)) and not ARGUMENT.search(other):
        text = ARGUMENT.sub("", text)  # y'(t) = y(t) is y' = y
    if "'" not in other or not PRIMED.search(other):
        return text
    return DERIVATIVE.sub(lambda m: m.group(2).strip() + "'" * int(m.group(1) or 1), text)


def _prepared(text: str) -> str:
    return _short_prepared(text) if len(text) <= MAX_CACHED else bare(canonical(text))


@functools.lru_cache(maxsize=20_000)
def _short_prepared(text: str) -> str:
    return bare(canonical(text))


def _readings(text: str) -> list:
    """The tree of an answer; two where ``1,234`` may be a number or a list."""
    tree = structure(text)
    if "and" in text and (mixed := MIXED.fullmatch(text)):
        return [tree, structure(" ".join(mixed.groups())), structure(_as_sum(*mixed.groups()))]
    if "," not in text:
        return [tree]
    other = structure(text, join_thousands=False)
    return [tree] if other == tree else [tree, other]


def _as_sum(whole: str, part: str, rest: str) -> str:
    """``3 and 1/2`` as a sum."""
    sign = "-" if whole.startswith("-") else "+"
    return f"{whole}{sign}{part}{rest}"


def _readings_of_answer(answer: str, gold: str) -> list:
    """Also what the letter of ``(C) 12`` stands for, where the gold answer is no letter."""
    value = None if is_choice(gold) else after_choice(answer)
    return [*_readings(answer), *(_readings(value) if value else [])]


def _same(gold: Tree, answer: Tree, policy: Policy, symbolic: Symbolic | None) -> bool | None:
    if isinstance(gold, Relation) or isinstance(answer, Relation):
        return same_relation(gold, answer, lambda g, a: _same(g, a, policy, symbolic))
    if isinstance(gold, Word) or isinstance(answer, Word):
        return _same_word(gold, answer, policy, symbolic)
    gold, answer = _ratio_as_quotient(gold, answer), _ratio_as_quotient(answer, gold)
    if isinstance(gold, Group) and len(gold.items) == 1 and not isinstance(answer, Group):
        return _same(gold.items[0], answer, policy, symbolic)
    if isinstance(answer, Group) and len(answer.items) == 1 and not isinstance(gold, Group):
        return _same(gold, answer.items[0], policy, symbolic)
    if _holds_one_point(gold) and isinstance(answer, Group) and answer.brackets == gold.items[0].brackets:
        return _same(gold.items[0], answer, policy, symbolic)
    if _holds_one_point(answer) and isinstance(gold, Group) and gold.brackets == answer.items[0].brackets:
        return _same(gold, answer.items[0], policy, symbolic)
    if _holds_one_point(gold) and assignments(answer):
        return _same(gold.items[0], answer, policy, symbolic)
    if isinstance(gold, Matrix) or isinstance(answer, Matrix):
        return _same_matrix(gold, answer, policy, symbolic)
    if isinstance(gold, Scalar) and isinstance(answer, Scalar):
        return _same_scalar(gold, answer, policy, symbolic)
    if isinstance(gold, Group) and isinstance(answer, Group) and not _is_one_a_set_of_numbers(gold, answer):
        return _same_group(gold, answer, policy, symbolic)
    if isinstance(gold, Group | Union | Difference) and isinstance(answer, Group | Union | Difference):
        one, other = as_union(gold), as_union(answer)
        if not (one and other):
            return decided("sets of numbers", False)
        return decided("sets of numbers", _matched(one.parts, other.parts, policy, symbolic))
    return decided("different kinds", False, gold, answer)


def _holds_one_point(tree: Tree) -> TypeGuard[Group]:
    """Whether a set is that of one tuple, as ``\\{(1,2)\\}`` is."""
    return (
        isinstance(tree, Group)
        and tree.brackets == "{}"
        and len(tree.items) == 1
        and isinstance(tree.items[0], Group)
    )


def _is_one_a_set_of_numbers(gold: Group, answer: Group) -> bool:
    """Whether one is an interval, and the other lists inequalities."""
    return any(
        one.brackets in INTERVALS and is_list_of_bounds(other)
        for one, other in ((gold, answer), (answer, gold))
    )


def _ratio_as_quotient(tree: Tree, other: Tree) -> Tree:
    """``3:4`` as 3/4, where what it is compared with is no ratio."""
    if (
        isinstance(tree, Group)
        and tree.brackets == "::"
        and len(tree.items) == 2
        and isinstance(other, Scalar)
    ):
        return Scalar(rf"\frac{{{tree.items[0].text}}}{{{tree.items[1].text}}}")
    return tree


def _same_word(gold: Tree, answer: Tree, policy: Policy, symbolic: Symbolic | None) -> bool | None:
    """Words are equal by their letters, whatever the case. Bare letters may also be a product of variables."""
    texts = [
        tree.plain if isinstance(tree, Word) else getattr(tree, "text", "").casefold()
        for tree in (gold, answer)
    ]
    if texts[0] == texts[1]:
        return decided("same words", True, *texts)
    numbers = [_measure_in_words(tree) for tree in (gold, answer)]
    if any(numbers):
        gold, answer = (number or tree for number, tree in zip(numbers, (gold, answer), strict=True))
        return _same(gold, answer, policy, symbolic)
    if all(isinstance(tree, Word) for tree in (gold, answer)):
        return decided("same words", False, *texts)
    if any(isinstance(tree, Word) and (tree.quoted or len(tree.plain) > 4) for tree in (gold, answer)):
        return decided("words against mathematics", False, *texts)
    gold, answer = (Scalar(tree.text) if isinstance(tree, Word) else tree for tree in (gold, answer))
    return _same(gold, answer, policy, symbolic)


def _measure_in_words(tree: Tree) -> Scalar | None:
    """``twelve`` and ``five dollars`` as numbers; None for other words and for what is none."""
    if not isinstance(tree, Word):
        return None
    if number := number_in_words(tree.plain):
        return Scalar(number)
    count, _, unit = tree.plain.rpartition(" ")
    number = number_in_words(count) if count and is_known(unit := canonical_unit(unit)) else None
    return Scalar(number, unit) if number else None


def _same_scalar(gold: Scalar, answer: Scalar, policy: Policy, symbolic: Symbolic | None) -> bool | None:
    if squeezed(gold.whole) == squeezed(answer.whole) != "":
        return decided("same text", True, gold.whole, answer.whole)
    verdict: bool | None = False
    agree = _units_agree(gold.unit, answer.unit, policy.units)
    if agree:
        for texts in _percent_readings(gold, answer, policy.percent):
            verdict = _or(verdict, _same_formula(*texts, policy, symbolic))
    if verdict is False and _may_be_products(gold, answer):
        verdict = _same_formula(gold.whole, answer.whole, policy, symbolic)  # 2mg may be two times m times g
    if verdict is False and any(
        tree.unit and len(tree.unit) == 1 and tree.unit.isalpha() for tree in (gold, answer)
    ):
        # 5 m: five metres, or five times m
        bare_letters = [re.sub(r"\\text\s*\{\s*(\w)\s*\}", r" \1", tree.whole) for tree in (gold, answer)]
        if bare_letters == [gold.whole, answer.whole] or not (gold.unit and answer.unit):
            verdict = _same_formula(bare_letters[0], bare_letters[1], policy, symbolic)
    if verdict is False and not agree:
        return decided("units", False, gold.unit or "", answer.unit or "")
    return verdict


def _may_be_products(gold: Scalar, answer: Scalar) -> bool:
    """Whether letters that were taken for a unit may be variables, as the other answer has letters, too."""
    return any(LETTERS_BEHIND.search(tree.whole) for tree in (gold, answer)) and all(
        LETTER.search(tree.whole) for tree in (gold, answer)
    )


def _same_formula(gold: str, answer: str, policy: Policy, symbolic: Symbolic | None) -> bool | None:
    signs = [squeezed(text).lstrip("+") for text in (gold, answer)]
    if any(sign.lstrip("-") == r"\infty" for sign in signs):
        return decided("infinity", signs[0] == signs[1], gold, answer)
    try:
        formulas = read(gold), read(answer)
        found = same_value(*formulas, policy.rounding)
        if found is None and not any(formula.symbols for formula in formulas):
            return decided("too large to tell", False, gold, answer)  # math-verify would try for ever
    except UnreadableError:
        foreign = has_foreign_macro(gold) or has_foreign_macro(answer)
        found = None if foreign else decided("no formula", False, gold, answer)
    if found is None and symbolic is None:
        decided("left to math-verify", None, gold, answer)
    return symbolic(gold, answer) if found is None and symbolic is not None else found


def _or(verdict: bool | None, other: bool | None) -> bool | None:
    return True if verdict or other else None if verdict is None or other is None else False


def _units_agree(gold: str | None, answer: str | None, policy: str) -> bool:
    """``percent`` decides about a percent sign that stands on one side only."""
    if gold == answer or policy == "ignore" or {gold, answer} == {"%", None}:
        return True
    if policy == "required":
        return gold is None
    if gold is None or answer is None:
        return True
    return not (is_known(gold) and is_known(answer)) and {gold, answer}.isdisjoint(("am", "pm"))


def _percent_readings(gold: Scalar, answer: Scalar, policy: str) -> list[tuple[str, str]]:
    """Pairs of texts to compare: a percent sign is a factor of 1/100, or no more than a unit."""
    signs = gold.unit == "%", answer.unit == "%"
    as_written = gold.text, answer.text
    first, second = (
        rf"\frac{{{t}}}{{100}}" if sign else t for t, sign in zip(as_written, signs, strict=True)
    )
    as_value = first, second
    if signs[0] == signs[1] or policy == "sign":
        return [as_written]
    return [as_value] if policy == "value" else [as_written, as_value]


def _same_matrix(gold: Tree, answer: Tree, policy: Policy, symbolic: Symbolic | None) -> bool | None:
    if isinstance(gold, Matrix) and isinstance(answer, Matrix):
        if gold.bars != answer.bars or [len(r) for r in gold.rows] != [len(r) for r in answer.rows]:
            return decided("matrix, entry by entry", False)
        pairs = [
            (g, a) for rows in zip(gold.rows, answer.rows, strict=True) for g, a in zip(*rows, strict=True)
        ]
        return decided("matrix, entry by entry", _all(_same(g, a, policy, symbolic) for g, a in pairs))
    if isinstance(other := answer if isinstance(gold, Matrix) else gold, Group) and all(
        isinstance(item, Group) for item in other.items
    ):
        rows = Matrix(tuple(item.items for item in other.items))
        first, second = (gold, rows) if other is answer else (rows, answer)
        return _same_matrix(first, second, policy, symbolic)
    matrix, other = (gold, answer) if isinstance(gold, Matrix) else (answer, gold)
    assert isinstance(matrix, Matrix), "one of the two is a matrix"
    if isinstance(other, Group) and not matrix.bars and 1 in (len(matrix.rows), len(matrix.rows[0])):
        entries = Group(tuple(entry for row in matrix.rows for entry in row), other.brackets)
        return _same_group(*((entries, other) if matrix is gold else (other, entries)), policy, symbolic)
    return None if isinstance(other, Scalar) and r"\begin" in other.text else False


def _same_group(gold: Group, answer: Group, policy: Policy, symbolic: Symbolic | None) -> bool | None:
    if gold.brackets == "()" and (pairs := assignments(answer)):
        answer = as_tuple(pairs)
    if answer.brackets == "()" and (pairs := assignments(gold)):
        gold = as_tuple(pairs)
    if len(gold.items) != len(answer.items):
        return decided("number of items", False, str(len(gold.items)), str(len(answer.items)))
    kinds = {gold.brackets, answer.brackets} - {""}
    vectors = len(gold.items) > 2 and kinds == {"()", "[]"}
    rigid = kinds & {"[)", "(]", "::", "+"} and gold.brackets != answer.brackets
    if rigid or (len(kinds) > 1 and not vectors):
        return decided("kinds of brackets", False, gold.brackets, answer.brackets)
    ordered = bool(kinds - {"{}"}) or (policy.order == "strict" and "{}" not in kinds)
    if policy.order == "ignore" and kinds <= {"()", "{}"}:
        ordered = False
    if not ordered:
        return decided("items in any order", _matched(gold.items, answer.items, policy, symbolic))
    in_order = zip(gold.items, answer.items, strict=True)
    return decided("items in order", _all(_same(g, a, policy, symbolic) for g, a in in_order))


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    """False if any is, else None if any is, else True."""
    undecided = False
    for verdict in verdicts:
        if verdict is False:
            return False
        undecided |= verdict is None
    return None if undecided else True


def _matched(gold: tuple, answer: tuple, policy: Policy, symbolic: Symbolic | None) -> bool | None:
    """Whether the items can be paired off, each with one equal to it."""
    if len(gold) != len(answer):
        return False
    if len(gold) > MAX_UNORDERED:
        return Counter(map(repr, gold)) == Counter(map(repr, answer))
    table = [[_same(g, a, policy, symbolic) for a in answer] for g in gold]
    if _can_pair(table, accept=(True,)):
        return True
    return None if _can_pair(table, accept=(True, None)) else False


def _can_pair(table: list[list[bool | None]], accept: tuple) -> bool:
    """Bipartite matching by augmenting paths: is there a perfect one?"""
    partner: dict[int, int] = {}

    def place(row: int, seen: set[int]) -> bool:
        for column, verdict in enumerate(table[row]):
            if verdict in accept and column not in seen:
                seen.add(column)
                if column not in partner or place(partner[column], seen):
                    partner[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(table)))


def squeezed(text: str) -> str:
    """Drop the spaces that mean nothing: all but those between digits and those that end a macro's name."""
    return re.sub(r"((?:\\[a-zA-Z]+ (?=[a-zA-Z]))|(?<=\d) (?=\d))|\s+", lambda m: m.group(1) or "", text)

"""Take an answer apart: lists, tuples, intervals, sets, matrices, equations, words, and scalars at the leaves."""

import functools
import itertools
import re
from dataclasses import dataclass

from sent.grading.answers.brackets import QUOTED, TOKEN, bare, end_of_group, is_or, split, split_list
from sent.grading.answers.names import is_name
from sent.grading.answers.units import compound, split_unit
from sent.grading.answers.words import MEANING, Word, without_announcement, word

EQUALS = ("=", r"\equiv")
COMPARATORS = (
    *EQUALS,
    "<",
    ">",
    r"\le",
    r"\ge",
    r"\ne",
    r"\approx",
    r"\to",
    r"\Rightarrow",
    r"\implies",
    r"\in",
)
THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
MIXED = re.compile(
    r"(-?\d+)\s*(?:\\text\s*\{\s*and\s*\}|and)\s*(\\frac\s*\{\s*\d+\s*\}\s*\{\s*\d+\s*\}|\d+\s*/\s*\d+)(.*)",
    re.DOTALL,
)
PLUS_MINUS = re.compile(r"\\[pm][pm](?![a-zA-Z])")
POWER_T = re.compile(r"\s*\^\s*\{?\s*(?:T|\\top|\\text\s*\{\s*T\s*\})\s*\}?$")
ENVIRONMENT = re.compile(
    r"\\begin\s*\{\s*([bBpvV]?matrix|smallmatrix|array)\s*\}(.*)\\end\s*\{\s*\1\s*\}", re.DOTALL
)
TRANSPOSED = re.compile(r"([(\[].*,.*[)\]])\s*\^\s*\{?\s*(?:T|\\top|\\text\s*\{\s*T\s*\})\s*\}?", re.DOTALL)
SET_BUILDER = re.compile(r"\s*[A-Za-z]\s*(?:\\in\s*\\mathbb\s*\{?\s*R\s*\}?)?\s*[|:](.*)")
PLAIN = re.compile(r"-?\d+(?:\.\d+)?")
MAX_CACHED = 300  # characters of a text whose tree is kept


@dataclass(frozen=True)
class Scalar:
    """One formula; ``unit`` is what stands behind or before it (``%`` for percent), ``whole`` the two together."""

    text: str
    unit: str | None = None
    whole: str = ""


@dataclass(frozen=True)
class Group:
    """Several answers in brackets, or in none: a tuple, interval, set, list. A bare list has no ``brackets``.

    Of a ratio such as ``3:4`` or a time they are ``::``, of a measure in two units such as ``5 ft 10 in`` ``+``.
    """

    items: tuple
    brackets: str = ""


@dataclass(frozen=True)
class Matrix:
    """Rows of entries; ``bars`` for a determinant."""

    rows: tuple[tuple, ...]
    bars: bool = False


@dataclass(frozen=True)
class Relation:
    """``parts[0] operators[0] parts[1] ...``, each part as canonical text."""

    parts: tuple[str, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True)
class Union:
    """Intervals and sets joined by a cup."""

    parts: tuple


@dataclass(frozen=True)
class Difference:
    """A set without the members of another: ``whole \\setminus removed``."""

    whole: object
    removed: object


Tree = Scalar | Word | Group | Matrix | Relation | Union | Difference


def structure(text: str, join_thousands: bool = True) -> Tree:
    """Return canonical LaTeX as a tree of the classes above.

    ``join_thousands``: read ``1,234`` outside brackets as one number rather than as a list of two.
    """
    return (_short_structure if len(text) <= MAX_CACHED else _structure)(text, join_thousands)


def _structure(text: str, join_thousands: bool) -> Tree:
    text = bare(without_announcement(text))
    if PLAIN.fullmatch(text):
        return Scalar(text, None, text)
    if join_thousands:
        text = joined_thousands(text)
    if found := word(text):
        return Scalar(MEANING[found.plain]) if found.plain in MEANING else found
    if measures := compound(text):
        return Group(tuple(Scalar(number, unit) for number, unit in measures), "+")
    if transposed := TRANSPOSED.fullmatch(text):
        return structure(transposed.group(1), join_thousands)
    if quoted := QUOTED.fullmatch(text):
        return structure(quoted.group(1), join_thousands)
    tokens = TOKEN.findall(text)
    if systems := _systems(tokens):
        return systems
    parts = split_list(tokens)
    if len(parts) > 1:
        return Group(tuple(item for part in parts for item in _items(part, join_thousands)))
    if (
        tokens[:1] == [r"\pm"]
        and isinstance(both := structure("".join(tokens[1:]), False), Group)
        and both.brackets
    ):
        minus = ",".join(f"-({item.text})" for item in both.items if isinstance(item, Scalar))
        return Group((both, structure(both.brackets[0] + minus + both.brackets[1], False)))
    parts, operators = split(tokens, COMPARATORS)
    if len(parts) == 2 and operators == [r"\in"] and is_name(parts[0]):
        return structure(parts[1], join_thousands)
    if len(parts) > 1:
        return Relation(tuple(bare(p) for p in parts), tuple(operators))
    parts, _ = split(tokens, (r"\cup",))
    if len(parts) > 1:
        return Union(tuple(structure(part, False) for part in parts))
    parts, _ = split(tokens, (r"\setminus",))
    if len(parts) == 2:
        return Difference(*(structure(part, False) for part in parts))
    return _bracketed(tokens) or _matrix(text) or _scalar(text)


_short_structure = functools.lru_cache(maxsize=20_000)(_structure)


def assignments(tree: object) -> dict[str, str] | None:
    """Name -> value of a bare list such as ``x = 3, y = 4``; None for anything else."""
    if not isinstance(tree, Group) or tree.brackets or len(tree.items) < 2:
        return None
    pairs = {}
    for item in tree.items:
        if not isinstance(item, Relation) or item.operators != ("=",) or not is_name(item.parts[0]):
            return None
        pairs[item.parts[0].strip()] = item.parts[1]
    return pairs if len(pairs) == len(tree.items) else None


def as_tuple(pairs: dict[str, str]) -> Group:
    """``x = 3, y = 4`` as (3,4): values in the order of the names."""
    return Group(tuple(structure(pairs[name]) for name in sorted(pairs)), "()")


def _systems(tokens: list[str]) -> Group | None:
    """``p=5, q=2; p=7, q=2`` as the list (5,2), (7,2); None for anything else."""
    if "=" not in tokens:
        return None
    parts, _ = split([";" if is_or(token) else token for token in tokens], (";",))
    if len(parts) < 2:
        return None
    read = [
        assignments(Group(tuple(structure(p) for p in split_list(TOKEN.findall(part))))) for part in parts
    ]
    found = [pairs for pairs in read if pairs is not None]
    if len(found) < len(read) or len({tuple(sorted(pairs)) for pairs in found}) > 1:
        return None
    return Group(tuple(map(as_tuple, found)))


def _items(part: str, join_thousands: bool) -> tuple:
    """One element of a list, or the two that a plus-minus sign stands for."""
    item = structure(part, join_thousands)
    return item.items if isinstance(item, Group) and not item.brackets else (item,)


def _scalar(text: str) -> Scalar | Group:
    if text.count(r"\pm") + text.count(r"\mp") == 1:
        sign = r"\pm" if r"\pm" in text else r"\mp"
        return Group(tuple(_scalar(text.replace(sign, s)) for s in "+-"))
    number, unit = split_unit(text)
    ratio, _ = split(TOKEN.findall(number), (":",))
    if len(ratio) > 1 and all(PLAIN.fullmatch(part.strip()) for part in ratio):
        items = [Scalar(part.strip()) for part in ratio]
        return Group((*items[:-1], Scalar(items[-1].text, unit)), "::")
    return Scalar(number, unit, text)


def _bracketed(tokens: list[str]) -> Tree | None:
    opening, closing = tokens[0] if tokens else "", tokens[-1] if tokens else ""
    if (
        opening not in ("(", "[", r"\{")
        or closing not in (")", "]", r"\}")
        or end_of_group(tokens) != len(tokens) - 1
    ):
        return None
    inner = "".join(tokens[1:-1])
    parts = split_list(tokens[1:-1])
    if len(parts) > 1 and (opening, closing) == ("(", ")") and PLUS_MINUS.search(inner):
        return Group(tuple(structure(f"({tuple_})", False) for tuple_ in _signs(parts)))
    if len(parts) == 1 and opening == r"\{" and (match := SET_BUILDER.fullmatch(inner)):
        return structure(match.group(1))
    if len(parts) == 1 and opening != r"\{":
        return None
    if not inner.strip():
        return Scalar(r"\emptyset") if opening == r"\{" else None
    items = tuple(item for part in parts for item in _items(part, False))
    if opening == r"\{" and (pairs := assignments(Group(items))):
        return as_tuple(pairs)
    return Group(items, opening[-1] + closing[-1])


def _signs(parts: list[str]) -> list[str]:
    """``1, \\pm 2`` with either sign; where a ``\\mp`` stands, all signs change together, else each by itself."""
    if any(r"\mp" in part for part in parts):
        text = ",".join(parts)
        return [text.replace(r"\pm", s).replace(r"\mp", "+-"[s == "+"]) for s in "+-"]
    choices = [[PLUS_MINUS.sub(s, part) for s in "+-"] if r"\pm" in part else [part] for part in parts]
    return [",".join(choice) for choice in itertools.product(*choices)][:16]


def _matrix(text: str) -> Matrix | None:
    if turned := POWER_T.search(text):
        found = _matrix(text[: turned.start()])
        if found is None or len({len(row) for row in found.rows}) != 1:
            return None
        return Matrix(tuple(zip(*found.rows, strict=True)), found.bars)
    match = ENVIRONMENT.fullmatch(text.strip("()[] ") if text[:1] in "([" else text)
    if match is None or r"\begin" in match.group(2):
        return None
    body = re.sub(r"^\s*\{[lcr|\s]*\}", "", match.group(2)) if match.group(1) == "array" else match.group(2)
    rows = [row for row in re.split(r"\\\\(?:\s*\[[^\]]*\])?", body.replace(r"\hline", "")) if row.strip()]
    return Matrix(
        tuple(tuple(structure(entry) for entry in row.split("&")) for row in rows), match.group(1)[0] in "vV"
    )


def joined_thousands(text: str) -> str:
    """Drop the commas of numbers such as ``1,234,567`` that stand in no bracket of a tuple, list or set."""
    if "," not in text:
        return text
    openings = [m.start() for m in re.finditer(r"[(\[]|\\\{", text)]
    closings = [m.start() for m in re.finditer(r"[)\]]|\\\}", text)]

    def join(match: re.Match) -> str:
        depth = sum(p < match.start() for p in openings) - sum(p < match.start() for p in closings)
        return match.group() if depth > 0 else match.group().replace(",", "")

    return THOUSANDS.sub(join, text)

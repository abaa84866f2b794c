"""Take an answer apart: lists, tuples, intervals, sets, matrices, equations, words, and scalars at the leaves."""

import functools
import re
from dataclasses import dataclass

from sent.grading.units import split_unit

TOKEN = re.compile(r"\\text\s*\{[^{}]*\}|\\[a-zA-Z]+|\\.|\d+|[a-zA-Z]+|\s+|.", re.DOTALL)
CLOSER = {"(": ")", "[": "]", r"\{": r"\}", "{": "}", r"\begin": r"\end"}
LEVEL = {**dict.fromkeys(CLOSER, 1), **dict.fromkeys((")", "]", r"\}", "}", r"\end"), -1)}
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
BRACKET = re.compile(r"\\?[(\[{}\])]")
ENVIRONMENT = re.compile(
    r"\\begin\s*\{\s*([bBpvV]?matrix|smallmatrix|array)\s*\}(.*)\\end\s*\{\s*\1\s*\}", re.DOTALL
)
CHOICE = re.compile(r"[(\[]?\s*([A-Z])\s*[)\].:]+(?:\s.*)?", re.DOTALL)
ARTICLE = re.compile(r"^(?:an?|the) ")
WORDS = re.compile(r"[^\W\d_]+(?:[ '-][^\W_]+)*")
LONG_WORD = re.compile(r"[^\W\d_]{3}")
CONNECTIVE = re.compile(r"\b(?:or|and)\b")
SET_BUILDER = re.compile(r"\s*[A-Za-z]\s*(?:\\in\s*\\mathbb\s*\{?\s*R\s*\}?)?\s*[|:](.*)")
ANNOUNCEMENT = re.compile(
    r"^(?:\\approx(?![a-zA-Z])|=|\\text\s*\{[^{}]*(?:\bis|:|=)\s*\}|(?:the )?(?:final )?answer(?: is)?\b\s*[:=]?)\s*(?=[^\s=])",
    re.IGNORECASE,
)
PLAIN = re.compile(r"-?\d+(?:\.\d+)?")
MAX_CACHED = 300  # characters of a text whose tree is kept
QUOTED = re.compile(r"\\text\s*\{([^{}]*)\}")


@dataclass(frozen=True)
class Scalar:
    """One formula; ``unit`` is what stands behind or before it (``%`` for percent), ``whole`` the two together."""

    text: str
    unit: str | None = None
    whole: str = ""


@dataclass(frozen=True)
class Word:
    """An answer in words; ``plain`` is lower case without article and final stop, ``quoted`` if inside ``\\text``."""

    plain: str
    text: str
    quoted: bool


@dataclass(frozen=True)
class Group:
    """Several answers in brackets, or in none: a tuple, interval, set, list. A bare list has no ``brackets``."""

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


def structure(text: str, join_thousands: bool = True):
    """Return canonical LaTeX as a tree of the classes above.

    ``join_thousands``: read ``1,234`` outside brackets as one number rather than as a list of two.
    """
    return (_short_structure if len(text) <= MAX_CACHED else _structure)(text, join_thousands)


def _structure(text: str, join_thousands: bool):
    text = bare(ANNOUNCEMENT.sub("", text))
    if PLAIN.fullmatch(text):
        return Scalar(text, None, text)
    if join_thousands:
        text = joined_thousands(text)
    if word := _word(text):
        return word
    if quoted := QUOTED.fullmatch(text):
        return structure(quoted.group(1), join_thousands)
    tokens = TOKEN.findall(text)
    parts = _split_list(tokens)
    if len(parts) > 1:
        return Group(tuple(item for part in parts for item in _items(part, join_thousands)))
    parts, operators = _split(tokens, COMPARATORS)
    if len(parts) == 2 and operators == [r"\in"]:
        return structure(parts[1], join_thousands)
    if len(parts) > 1:
        return Relation(tuple(bare(p) for p in parts), tuple(operators))
    parts, _ = _split(tokens, (r"\cup",))
    if len(parts) > 1:
        return Union(tuple(structure(part, False) for part in parts))
    return _bracketed(tokens) or _matrix(text) or _scalar(text)


_short_structure = functools.lru_cache(maxsize=20_000)(_structure)


def _items(part: str, join_thousands: bool) -> tuple:
    """One element of a list, or the two that a plus-minus sign stands for."""
    item = structure(part, join_thousands)
    return item.items if isinstance(item, Group) and not item.brackets else (item,)


def _scalar(text: str):
    if text.count(r"\pm") + text.count(r"\mp") == 1:
        sign = r"\pm" if r"\pm" in text else r"\mp"
        return Group(tuple(_scalar(text.replace(sign, s)) for s in "+-"))
    number, unit = split_unit(text)
    ratio, _ = _split(TOKEN.findall(number), (":",))
    if len(ratio) > 1 and all(PLAIN.fullmatch(part.strip()) for part in ratio):
        return Group(tuple(Scalar(part.strip()) for part in ratio), "::")
    return Scalar(number, unit, text)


def _bracketed(tokens: list[str]):
    opening, closing = tokens[0] if tokens else "", tokens[-1] if tokens else ""
    if (
        opening not in ("(", "[", r"\{")
        or closing not in (")", "]", r"\}")
        or _end_of_group(tokens) != len(tokens) - 1
    ):
        return None
    inner = "".join(tokens[1:-1])
    parts = _split_list(tokens[1:-1])
    if len(parts) == 1 and opening == r"\{" and (match := SET_BUILDER.fullmatch(inner)):
        return structure(match.group(1))
    if len(parts) == 1 and opening != r"\{":
        return None
    if not inner.strip():
        return Scalar(r"\emptyset") if opening == r"\{" else None
    return Group(tuple(item for part in parts for item in _items(part, False)), opening[-1] + closing[-1])


def _matrix(text: str) -> Matrix | None:
    match = ENVIRONMENT.fullmatch(text.strip("()[] ") if text[:1] in "([" else text)
    if match is None or r"\begin" in match.group(2):
        return None
    body = re.sub(r"^\s*\{[lcr|\s]*\}", "", match.group(2)) if match.group(1) == "array" else match.group(2)
    rows = [row for row in re.split(r"\\\\(?:\s*\[[^\]]*\])?", body.replace(r"\hline", "")) if row.strip()]
    return Matrix(
        tuple(tuple(structure(entry) for entry in row.split("&")) for row in rows), match.group(1)[0] in "vV"
    )


def _word(text: str) -> Word | None:
    """Words: anything in letters with one quoted part or one word of three letters or more, and no sign of maths."""
    choice = CHOICE.fullmatch(QUOTED.sub(r"\1", text).strip())
    if choice:
        return Word(choice.group(1).lower(), choice.group(1), False)
    quoted = QUOTED.sub(r"\1", text)
    plain = re.sub(r"\s+", " ", quoted).strip(" .!'\"()").casefold()
    if (
        not WORDS.fullmatch(plain)
        or CONNECTIVE.search(plain)
        or (quoted == text and not LONG_WORD.search(plain))
    ):
        return None
    return Word(ARTICLE.sub("", plain), text, quoted != text)


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


def nesting(text: str) -> int:
    """Depth of the brackets in ``text``, whatever their kind (half-open intervals mix them); -1 if unbalanced."""
    depth = deepest = 0
    for token in BRACKET.findall(text):
        depth += 1 if token[-1] in "([{" else -1
        deepest = max(deepest, depth)
        if depth < 0:
            return -1
    return deepest if depth == 0 else -1


def bare(text: str) -> str:
    """Drop final punctuation and brackets that enclose the whole without meaning anything."""
    text = text.strip().rstrip(" .,;:") if not text.rstrip().endswith("\\") else text.strip()
    if not text or text[0] not in "({" or text[-1] not in ")}":
        return text
    tokens = TOKEN.findall(text)
    closing, list_depths = _closings(tokens), _list_depths(tokens)
    first, last, depth = 0, len(tokens) - 1, 1
    while (
        tokens[first] in ("(", "{") and closing.get(first) == last and tokens[last] == CLOSER[tokens[first]]
    ):
        if first + 1 == last or (tokens[first] == "(" and depth in list_depths):
            break
        first, last, depth = first + 1, last - 1, depth + 1
        while first < last and tokens[first].isspace():
            first += 1
        while first < last and tokens[last].isspace():
            last -= 1
    return "".join(tokens[first : last + 1]).strip()


def _list_depths(tokens: list[str]) -> set[int]:
    """Depths of bracketing at which items are listed."""
    depths, depth = set(), 0
    for token in tokens:
        depth += LEVEL.get(token, 0)
        if token in ",;" or _is_connective(token):
            depths.add(depth)
    return depths


def _closings(tokens: list[str]) -> dict[int, int]:
    """Index of each opening bracket -> index of its closing one; ``(`` may be closed by ``]`` and so on."""
    stack, pairs = [], {}
    for index, token in enumerate(tokens):
        level = LEVEL.get(token, 0)
        if level > 0:
            stack.append(index)
        elif level < 0 and stack:
            pairs[stack.pop()] = index
    return pairs


def _end_of_group(tokens: list[str]) -> int:
    return _closings(tokens).get(0, -1)


def _split(tokens: list[str], separators: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Split tokens at separators outside all brackets: the parts as text, and the separators."""
    parts, found, depth = [[]], [], 0
    for token in tokens:
        depth += LEVEL.get(token, 0)
        if depth == 0 and token in separators:
            found.append(token)
            parts.append([])
        else:
            parts[-1].append(token)
    return ["".join(part) for part in parts], found


def _split_list(tokens: list[str]) -> list[str]:
    """Split tokens at commas, semicolons, "or" and "and" outside all brackets; empty parts are dropped."""
    marked = ["," if _is_connective(token) else token for token in tokens]
    parts, _ = _split(marked, (",", ";"))
    return [part.strip() for part in parts if part.strip()] or [""]


def _is_connective(token: str) -> bool:
    if token[0] not in "\\oaOA":
        return False
    quoted = QUOTED.fullmatch(token)
    return (quoted.group(1) if quoted else token).strip(" ,").lower() in ("or", "and", "and also")

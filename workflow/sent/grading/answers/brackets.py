"""Take canonical text apart at what stands outside all brackets."""

import re

TOKEN = re.compile(r"\\text\s*\{[^{}]*\}|\\[a-zA-Z]+|\\.|\d+|[a-zA-Z]+|\s+|.", re.DOTALL)
CLOSER = {"(": ")", "[": "]", r"\{": r"\}", "{": "}", r"\begin": r"\end"}
LEVEL = {**dict.fromkeys(CLOSER, 1), **dict.fromkeys((")", "]", r"\}", "}", r"\end"), -1)}
BRACKET = re.compile(r"\\?[(\[{}\])]")
QUOTED = re.compile(r"\\text\s*\{([^{}]*)\}")


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
    closing, list_depths = closings(tokens), _list_depths(tokens)
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


def closings(tokens: list[str]) -> dict[int, int]:
    """Index of each opening bracket -> index of its closing one; ``(`` may be closed by ``]`` and so on."""
    stack, pairs = [], {}
    for index, token in enumerate(tokens):
        level = LEVEL.get(token, 0)
        if level > 0:
            stack.append(index)
        elif level < 0 and stack:
            pairs[stack.pop()] = index
    return pairs


def end_of_group(tokens: list[str]) -> int:
    """Index of the bracket that closes the one at the start, or -1."""
    return closings(tokens).get(0, -1)


def split(tokens: list[str], separators: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Split tokens at separators outside all brackets: the parts as text, and the separators."""
    parts: list[list[str]] = [[]]
    found: list[str] = []
    depth = 0
    for token in tokens:
        depth += LEVEL.get(token, 0)
        if depth == 0 and token in separators:
            found.append(token)
            parts.append([])
        else:
            parts[-1].append(token)
    return ["".join(part) for part in parts], found


def split_list(tokens: list[str]) -> list[str]:
    """Split tokens at commas, semicolons, "or" and "and" outside all brackets; empty parts are dropped."""
    marked = ["," if _is_connective(token) else token for token in tokens]
    parts, _ = split(marked, (",", ";"))
    return [part.strip() for part in parts if part.strip()] or [""]


def is_or(token: str) -> bool:
    """Whether a token is the word "or"."""
    return _is_connective(token) and "or" in token.lower()


def _is_connective(token: str) -> bool:
    if token[0] not in "\\oaOA":
        return False
    quoted = QUOTED.fullmatch(token)
    return (quoted.group(1) if quoted else token).strip(" ,").lower() in ("or", "and", "and also")

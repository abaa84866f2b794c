"""What stands behind an answer and only says for what it holds: ``for all real x``, ``n \\in \\mathbb{Z}``."""

import re

_QUOTE = r"(?:\\text\s*\{\s*)?"
_ALL = r"(?:all|any|every|each|some|arbitrary)\b"
_KIND = r"(?:constants?|integers?|reals?|numbers?|parameters?)\b"
_VARIABLES = r"[A-Za-z](?:_\{?\w\}?)?(?:\s*,\s*[A-Za-z](?:_\{?\w\}?)?)*"
QUALIFIER = re.compile(
    rf"(?<=[^\s,;:(])(?:[\s,;:(]|\\text\s*\{{\s*[,;]?)+{_QUOTE}(?:"
    rf"(?:for|where|with)\s*\}}?\s*{_QUOTE}{_ALL}.*"
    rf"|(?:for|where|with)\s*\}}?\s*{_QUOTE}{_VARIABLES}\s*{_QUOTE}\s*(?:is|are|being|an?)\b.*{_KIND}.*"
    rf"|(?:\\forall|{_QUOTE}(?:for|where|with)?\s*\}}?)?\s*{_VARIABLES}\s*\\in\s*(?:\\mathbb|\(-\\infty\s*,\s*\\infty\))[^=]*"
    rf"|{_VARIABLES}\s*{_QUOTE}\s*(?:is|are|being)\b.*{_KIND}.*"
    rf"|(?:for|where|with|when)?\s*\}}?\s*[nkmij]\s*(?:\\ge|\\le|\\ne|[<>])\s*-?\d+"
    r"|\}?\s*(?:is|are) the only (?:real |integer |possible )?(?:solutions?|answers?)|only"
    r"|\\forall[^=]*)\}?\)?$",
    re.DOTALL,
)
ORDER = re.compile(r"[<>]|\\(?:le|ge|ne|in)(?![a-zA-Z])")
SETS = (
    ("N", r"\\mathbb\s*\{?\s*(?:N|Z\s*\}?\s*[_^]\s*\{?\s*(?:\+|>\s*0))|positive integer|natural"),
    ("Z", r"\\mathbb\s*\{?\s*Z|integer|whole"),
    ("Q", r"\\mathbb\s*\{?\s*Q|rational"),
    ("C", r"\\mathbb\s*\{?\s*C|complex"),
)
SIGNS = (
    "for",
    "where",
    "with",
    "only",
    " is ",
    " are ",
    r"\in",
    r"\forall",
    r"\ge",
    r"\le",
    r"\ne",
    "<",
    ">",
)


def split_qualifier(text: str) -> tuple[str, str | None]:
    """The answer without its qualifier, and the numbers that this names (N, Z, Q, C; "" for others; None without one).

    Where the answer is an inequality the qualifier is a part of it: whole numbers above 3 are no interval.
    """
    if not any(sign in text for sign in SIGNS):
        return text, None
    match = QUALIFIER.search(text)
    if match is None or ORDER.search(text[: match.start()]):
        return text, None
    said = match.group()
    return text[: match.start()], next((name for name, pattern in SETS if re.search(pattern, said)), "")

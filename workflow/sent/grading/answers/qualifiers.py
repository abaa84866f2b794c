"""What stands behind an answer and only says for what it holds: ``for all real x``, ``n \\in \\mathbb{Z}``."""

import re

from sent.grading.answers.brackets import nesting

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
REPEATED = re.compile(r"\s+([A-Za-z])(?=\s*,(?:\s*[A-Za-z]\s*,)*\s*\1\s*(?:,|\\in))")
_OPERAND = r"[^\s,;.{}()+*/]+"
CONDITION = re.compile(rf"([=<>]|\\[lgn]e(?![a-z]))\s*({_OPERAND}(?:\s*[+*/]\s*{_OPERAND})*)")
VARIABLE = re.compile(r"(?<![A-Za-z\\])[b-z](?![A-Za-z])")  # a may be the article
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


def split_qualifier(text: str) -> tuple[str, str]:
    """The answer and its qualifier, which is empty where there is none.

    Where the answer is an inequality the qualifier is a part of it: whole numbers above 3 are no interval.
    """
    if not any(sign in text for sign in SIGNS):
        return text, ""
    match = QUALIFIER.search(text)
    if match is None or ORDER.search(text[: match.start()]):
        return text, ""
    start = match.start()
    if repeated := REPEATED.match(match.group()):  # the first k of "2 k, k \\in" belongs to the answer
        start += repeated.end()
    return (text[:start], text[start:]) if nesting(text[:start]) >= 0 else (text, "")


def contradict(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether of two answers with their qualifiers both are qualified, and differently.

    That is: by different sets of numbers, by one sign with different numbers behind it, or one of them by a letter that
    the other does not have at all.
    """
    conditions = one[1], other[1]
    if not all(conditions):
        return False
    sets = [next((name for name, pattern in SETS if re.search(pattern, said)), None) for said in conditions]
    if all(sets) and sets[0] != sets[1]:
        return True
    bounds, others = (
        {sign: re.sub(r"\s", "", number) for sign, number in CONDITION.findall(said)} for said in conditions
    )
    if any(bounds[sign] != others[sign] for sign in bounds.keys() & others.keys()):
        return True
    letters, other_letters = (set(VARIABLE.findall(said)) for said in conditions)
    return bool(letters - other_letters - set(other[0]) or other_letters - letters - set(one[0]))

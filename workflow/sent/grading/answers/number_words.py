"""Numbers in English words."""

import re

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SMALL = {word: number for number, word in enumerate(_SMALL.split())}
TENS = {word: 10 * number for number, word in enumerate(_TENS.split(), 2)}
SCALES = {"trillion": 10**12, "billion": 10**9, "million": 10**6, "thousand": 10**3, "hundred": 10**2}
_IRREGULAR = {
    "first": "one",
    "second": "two",
    "third": "three",
    "fifth": "five",
    "eighth": "eight",
    "ninth": "nine",
}
CARDINALS = (
    {f"{word}th": word for word in (*SMALL, "hundred", "thousand") if word not in _IRREGULAR.values()}
    | {f"{word[:-1]}ieth": word for word in TENS}
    | {"twelfth": "twelve"}
    | _IRREGULAR
)
"""Ordinal -> cardinal."""
DENOMINATORS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4} | {
    f"{ordinal}{plural}": SMALL[word]
    for ordinal, word in CARDINALS.items()
    for plural in ("", "s")
    if SMALL.get(word, 0) > 2
}
LONGEST = 16  # words


def number_in_words(text: str) -> str | None:
    """LaTeX of the number that ``text`` names, such as ``\\frac{2}{3}`` for "two thirds"; None if it names none.

    Whole numbers ("one hundred and twenty", "minus three", "a dozen"), ordinals ("twenty-first") and fractions
    ("half", "three and a half").
    """
    words = text.lower().replace("-", " ").split()
    sign = "-" if words and words[0] in ("minus", "negative") else ""
    words = words[len(sign) :]
    if len(words) > 1:
        words = ["one" if word in ("a", "an") else word for word in words]
    if not 0 < len(words) <= LONGEST or not all(re.fullmatch("[a-z]+", word) for word in words):
        return None
    if words[-1] in SCALES and (front := _fraction(words[:-1])):  # one and a half million
        return rf"{sign}({front})\cdot {SCALES[words[-1]]}"
    found = _fraction(words) or _whole([*words[:-1], CARDINALS.get(words[-1], words[-1])])
    return None if found is None else f"{sign}{found}"


def _fraction(words: list[str]) -> str | None:
    bottom, top = DENOMINATORS.get(words[-1]) if words else None, words[:-1]
    whole: int | str | None = ""
    if bottom is None or (not top and words[-1] != "half"):  # "third" alone is an ordinal
        return None
    if "and" in top:
        place = len(top) - 1 - top[::-1].index("and")
        whole, top = _whole(top[:place]), top[place + 1 :]
    count = _whole(top) if top else 1
    if count is None or whole is None or (top and top[-1] in TENS):  # "twenty third" is an ordinal
        return None
    return f"{whole}\\frac{{{count}}}{{{bottom}}}"


def _whole(words: list[str]) -> int | None:
    """Value of a cardinal, whose parts have to descend: ``two three`` and ``twenty hundred`` name no number."""
    if words[1:] == ["dozen"] or words == ["dozen"]:
        return 12 * SMALL.get(words[0], 1)
    for scale, factor in SCALES.items():
        if scale in words:
            place = words.index(scale)
            rest = words[place + 1 :]
            rest = rest[1:] if rest[:1] == ["and"] else rest
            before, after = _whole(words[:place]), _whole(rest) if rest else 0
            limit = 10 if factor == 100 else 1000
            return (
                before * factor + after
                if before and before < limit and after is not None and after < factor
                else None
            )
    if len(words) == 2 and words[0] in TENS and 0 < SMALL.get(words[1], 0) < 10:
        return TENS[words[0]] + SMALL[words[1]]
    return SMALL.get(words[0], TENS.get(words[0])) if len(words) == 1 else None

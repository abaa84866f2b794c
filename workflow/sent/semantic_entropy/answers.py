"""Final answers as strings: what counts as the same text, and what a comparison of mathematics can decide."""

import re

_WRAPPERS = re.compile(r"\\(?:text|textbf|textrm|textit|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_SPACING = re.compile(
    r"\\[,!;: ]|\\quad|\\qquad|\\left(?![a-z])|\\right(?![a-z])|\\?\$|\\\(|\\\)|\\\[|\\\]|~"
)
_FRACTION = re.compile(r"\\[dt]frac(?![a-z])")
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_FUNCTION = re.compile(
    r"\b(?:arc)?(?:sin|cos|tan|cot|sec|csc)h?\b|\b(?:ln|log|exp|sqrt|frac|max|min|gcd|lcm|mod|pi)\b"
)
_WORD = re.compile(r"[^\W\d_]{3,}")


def normalise(answer: str) -> str:
    r"""Return ``answer`` without what never changes its meaning: markup of LaTeX, spacing, a final full stop.

    ``\text{..}`` and its like are opened, ``\dfrac`` becomes ``\frac``, runs of white space become one
    space and spaces beside anything but a letter or digit go; words lose their capitals. Two answers with
    the same result count as the same text.
    """
    text = _plain(answer)
    return text.casefold() if _has_words(text) else text


def is_words(answer: str) -> bool:
    """Tell whether an answer is in words rather than mathematics: no digit, and a word of 3 letters.

    A computer algebra system reads ``east`` as the product of four symbols and calls it equal to ``seat``, so
    such answers are not for it to decide. Names of functions and LaTeX commands are not words.
    """
    return _has_words(_plain(answer))


def _plain(answer: str) -> str:
    text = _WRAPPERS.sub(r" \1 ", answer)
    text = _FRACTION.sub(r"\\frac", _SPACING.sub(" ", text))
    text = " ".join(text.split()).rstrip(". ")
    return re.sub(r"(?<!\w) | (?!\w)", "", text)


def _has_words(text: str) -> bool:
    if any(letter.isdigit() for letter in text):
        return False
    return bool(_WORD.search(_FUNCTION.sub(" ", _COMMAND.sub(" ", text))))

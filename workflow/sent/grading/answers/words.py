"""Answers in words: what is one, what announces an answer, the letter of a choice, words for the same thing."""

import re
from dataclasses import dataclass

from sent.grading.answers.brackets import QUOTED
from sent.grading.answers.number_words import number_in_words

CHOICE = re.compile(
    r"(?:option |choice |Option |Choice )?[(\[]?\s*([A-Z])\s*(?:[)\].:]+(?:\s+(.*))?|(?<=\w [A-Z]))",
    re.DOTALL,
)
OPEN_CHOICE = re.compile(r"^((?:\\text\s*\{)?\s*)([A-Z])\)(?=[\s}]|$)")
ARTICLE = re.compile(r"^(?:an?|the) ")
WORDS = re.compile(r"[^\W\d_]+(?:[ '-][^\W_]+)*")
LONG_WORD = re.compile(r"[^\W\d_]{3}")
CONNECTIVE = re.compile(r"\b(?:or|and)\b")
_ANSWER_IS = r"(?:the )?(?:final )?answer(?: is)?\b\s*[:=]?"
_ABOUT = r"(?:about|approximately|approx\.?|roughly|around)"
ANNOUNCEMENT = re.compile(
    r"^(?:\\(?:approx|sim)(?![a-zA-Z])|=|\\text\s*\{[^{}]*(?:\bis|:|=)\s*\}"
    rf"|\\text\s*\{{\s*{_ABOUT}\s*\}}|{_ABOUT}(?=\s)|{_ANSWER_IS})\s*(?=[^\s=])",
    re.IGNORECASE,
)
QUOTED_ANNOUNCEMENT = re.compile(
    rf"^(\\text\s*\{{)\s*(?:{_ANSWER_IS}|{_ABOUT}(?=\s))\s*(?=[^\s=}}])", re.IGNORECASE
)
SAME = {
    r"\emptyset": "empty set|null set|no solution|no solutions|no real solution|no real solutions|none",
    r"\infty": "infinity|positive infinity",
    r"-\infty": "negative infinity|minus infinity",
}
MEANING = {words: sign for sign, all_words in SAME.items() for words in all_words.split("|")}
"""Words -> the sign for what they mean."""
SHORT = {"dne": "does not exist"}


@dataclass(frozen=True)
class Word:
    """An answer in words; ``plain`` is lower case without article and final stop, ``quoted`` if inside ``\\text``."""

    plain: str
    text: str
    quoted: bool


def word(text: str) -> Word | None:
    """Words: anything in letters with one quoted part or one word of three letters or more, and no sign of maths."""
    choice = CHOICE.fullmatch(QUOTED.sub(r"\1", text).strip())
    if choice:
        return Word(choice.group(1).lower(), choice.group(1), False)
    quoted = QUOTED.sub(r"\1", text)
    plain = re.sub(r"\s+", " ", quoted).strip(" .!'\"()").casefold()
    if (
        not WORDS.fullmatch(plain)
        or (CONNECTIVE.search(plain) and not number_in_words(plain))
        or (quoted == text and not LONG_WORD.search(plain))
    ):
        return None
    plain = ARTICLE.sub("", plain)
    return Word(SHORT.get(plain, plain), text, quoted != text)


def without_announcement(text: str) -> str:
    """Drop ``the answer is``, ``about``, ``\\text{Area: }`` and the like from the start."""
    return ANNOUNCEMENT.sub("", QUOTED_ANNOUNCEMENT.sub(r"\1", text))


def is_choice(text: str) -> bool:
    """Whether the text is a letter of a multiple choice, with or without what it stands for."""
    plain = QUOTED.sub(r"\1", text).strip()
    return bool(CHOICE.fullmatch(plain)) or (len(plain) == 1 and plain.isalpha())


def after_choice(text: str) -> str | None:
    """What the letter stands for in ``(C) 12``; None if the text is nothing of the kind."""
    match = CHOICE.fullmatch(QUOTED.sub(r"\1", text).strip())
    return (match.group(2) or "").strip() or None if match else None

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
_ONSETS = (
    "b bl br c ch cl cr d dr dw f fl fr g gh gl gn gr h j k kl kn kr l m n p ph pl pr qu r rh s sc sch scr sh shr sk sl "
    "sm sn sp spl spr squ st str sw t th thr tr tw v w wh wr y z"
)
_CODAS = (
    "b bb bs c ch ck ct d dd ds f ff ft g gh ght gs k ks l ld lf lk ll lls lm lp ls lt lth m mb mp ms n nce nch nd nds "
    "ng ngs nk nn ns nt nth nts p ph pt ps pse r rb rc rch rd rds rf rg rk rl rm rms rn rns rp rs rse rst rt rth rts rve "
    "s sh sk sp ss st sts t tt tch th ths ts v w wl wn ws x xt z zz"
)
SYLLABLES = re.compile(
    rf"(?:{'|'.join(_ONSETS.split())})?[aeiouy]+(?:[bcdfghj-np-tvwxz]{{1,3}}[aeiouy]+)*(?:{'|'.join(_CODAS.split())})?"
)
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
ARTICLE = re.compile(r"^(?:an?|the) ")
WORDS = re.compile(r"[^\W\d_]+(?:[ '-][^\W_]+)*")
LONG_WORD = re.compile(r"[^\W\d_]{3}")
CONNECTIVE = re.compile(r"\b(?:or|and)\b")
_ANSWER_IS = r"(?:(?:the )?(?:final )?answer(?: is)?\b\s*[:=]?|(?:故|所以|因此)?答案?(?:是|为)?\s*:?)"
_ONLY = (
    r"(?:only|just|exactly|simply|there (?:are|is|were|will be)|it is|a total of|in total"
    r"|the (?:solution )?set(?=\s*(?:\}|\\\{)))"
)
_SENTENCE = r"(?:so |thus |hence |therefore )?(?:the|its|his|her|their) (?:[a-z]+ ){1,6}(?:is|are|was|equals)(?=\s+[-\d$\\(\[])"
_ABOUT = r"(?:about|approximately|approx\.?|roughly|around)"
THUS = re.compile(r"(?:so|thus|hence|therefore),?\s+(?=\S)", re.IGNORECASE)
ANNOUNCEMENT = re.compile(
    r"^(?:\\(?:approx|sim)(?![a-zA-Z])|=|\\text\s*\{[^{}]*(?:\bis|是|为|:|=)\s*\}"
    rf"|\\text\s*\{{\s*{_ABOUT}\s*\}}|{_ABOUT}(?=\s)|{_ANSWER_IS}|{_ONLY}(?=\s)|\\text\s*\{{\s*{_ONLY}\s*\}}|{_SENTENCE})\s*(?=[^\s=])",
    re.IGNORECASE,
)
QUOTED_ANNOUNCEMENT = re.compile(
    rf"^(\\text\s*\{{)\s*(?:{_ANSWER_IS}|{_ABOUT}(?=\s)|{_ONLY}(?=\s)|{_SENTENCE})\s*(?=[^\s=}}])",
    re.IGNORECASE,
)
SAME = {
    r"\emptyset": "empty set|null set|no solution|no solutions|no real solution|no real solutions|none",
    r"\infty": "infinity|positive infinity",
    r"-\infty": "negative infinity|minus infinity",
}
MEANING = {words: sign for sign, all_words in SAME.items() for words in all_words.split("|")}
"""Words -> the sign for what they mean."""
SHORT_WORDS = ("no", "on", "up")
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
        or (quoted == text and not LONG_WORD.search(plain) and plain not in SHORT_WORDS)
    ):
        return None
    if quoted == text and " " not in plain and plain not in SHORT and is_product(text.strip(" .!'\"()")):
        return None
    plain = ARTICLE.sub("", plain)
    return Word(SHORT.get(plain, plain), text, quoted != text)


def is_product(letters: str) -> bool:
    """Whether a few letters in a row are a product of variables (``abc``, ``mgh``, ``nRT``) and no word (``east``).

    A word of up to four letters can be spoken, is in one case (but for its first letter), and is no run of the
    alphabet in any order (``ABCD``, as of points). Four other capitals are a name (``SRMC``).
    """
    if len(letters) > 4 or not letters.isascii():
        return False
    lowered = letters.lower()
    if letters[1:] not in (letters[1:].lower(), letters.upper()[1:]):
        return True
    if len(lowered) > 2 and "".join(sorted(lowered)) in ALPHABET:
        return True
    if len(letters) == 4 and letters.isupper():
        return False
    return not SYLLABLES.fullmatch(lowered)


def without_announcement(text: str) -> str:
    """Drop ``the answer is``, ``about``, ``\\text{Area: }`` and the like from the start."""
    if thus := THUS.match(text):
        text = text[thus.end() :]
    return ANNOUNCEMENT.sub("", QUOTED_ANNOUNCEMENT.sub(r"\1", text))


def is_choice(text: str) -> bool:
    """Whether the text is a letter of a multiple choice, with or without what it stands for."""
    plain = QUOTED.sub(r"\1", text).strip()
    return bool(CHOICE.fullmatch(plain)) or (len(plain) == 1 and plain.isalpha())


def after_choice(text: str) -> str | None:
    """What the letter stands for in ``(C) 12``; None if the text is nothing of the kind."""
    match = CHOICE.fullmatch(QUOTED.sub(r"\1", text).strip())
    return (match.group(2) or "").strip() or None if match else None

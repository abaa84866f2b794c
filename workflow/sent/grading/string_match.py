"""The paper's way to grade: equality of strings after a normalisation, so that its figures can be compared.

The normalisation is the one of Lewkowycz et al. 2022 (Minerva, appendix D.1), with which verl grades DAPO-Math-17k.
It looks at letters only: ``1/2`` and ``0.5`` differ, and so do ``50\\%`` and ``50``.
"""

import re

_REPLACED = (
    (("an ", "a ", r"\$", "\\ ", " "), ""),
    ((".$",), "$"),
    (("mbox",), "text"),
    ((r",\text{and}", r"\text{and}"), ","),
    ((r"\text{m}",), r"\text{}"),
)
_WORDS = (
    "square ways integers dollars mph inches ft hours km units points feet minutes digits cents degrees cm gm pounds "
    "meters meals edges students childrentickets multiples"
)
_SIGNS = (
    r"\ldots \text{s} \text{.} \text{}^2 \text{}^3 \text{} \mathrm{th} ^\circ ^{\circ} \; ,\! {,} "
    + '" '
    + r"\dots"
)
_REMOVED = (*_WORDS.split(), *_SIGNS.split())


def normalise(answer: str) -> str:
    """Return the normal form of an answer: what follows its last equals sign, without units, spaces and braces."""
    if answer.isdigit():
        return answer
    text = answer.split("=")[-1]
    for old, new in _REPLACED:
        for part in old:
            text = text.replace(part, new)
    for part in _REMOVED:
        text = text.replace(part, "")
    text = re.sub(r"^[^$]*\$([^$]*)\$.*$", r"$\1$", text)
    text = re.sub(r"\\(?:text|textbf|overline)\{([^}]*)\}", r"\1", text)
    text = re.sub(r"(frac)([^{])(.)", r"\1{\2}{\3}", text)
    text = re.sub(r"(sqrt)([^{])", r"\1{\2}", text).replace("$", "")
    digits = text.replace(",", "")
    return digits if digits.isdigit() else text


def string_match(gold: str, answer: str | None) -> bool:
    """Whether the two are one string after :func:`normalise`."""
    return answer is not None and normalise(gold) == normalise(answer)

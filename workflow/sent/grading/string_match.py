"""The paper's way to grade: equality of strings after light normalisation, so that its figures can be compared."""

import re

_DROPPED = re.compile(
    r"\\(?:left|right)(?![a-zA-Z])|\\[!,;: ]|\\\$|\$|\^\{?\\circ\}?|\\?%|\\text\{\s.*?\}$|\\(?:displaystyle|quad)(?![a-z])"
)


def normalise(answer: str) -> str:
    r"""Return the normal form of an answer as the MATH data set's grader has it.

    Spaces, degree, percent and currency signs, ``\left``/``\right`` and a unit in ``\text`` go; ``\frac12`` gets its
    braces, ``a/b`` of integers becomes a fraction, ``0.5`` a half, ``.5`` gets its zero, and a short ``x =`` is cut.
    """
    text = answer.replace("\n", "").replace("tfrac", "frac").replace("dfrac", "frac")
    text = _DROPPED.sub("", text).strip()
    text = re.sub(r"(?<![\d.])\.(?=\d)", "0.", text)
    name, equals, value = text.partition("=")
    if equals and "=" not in value and len(name.strip()) <= 2:
        text = value
    text = re.sub(r"\\sqrt\s*([^\s{\[])", r"\\sqrt{\1}", text)
    text = text.replace(" ", "")
    text = re.sub(r"\\frac(\w)(\w)", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\frac(\w)\{", r"\\frac{\1}{", text)
    text = re.sub(r"(\\frac\{[^{}]*\})(\w)", r"\1{\2}", text)
    if text == "0.5":
        text = r"\frac{1}{2}"
    return re.sub(r"^(-?\d+)/(-?\d+)$", r"\\frac{\1}{\2}", text)


def string_match(gold: str, answer: str | None) -> bool:
    """Whether the two are one string after :func:`normalise`."""
    return answer is not None and normalise(gold) == normalise(answer)

"""Symbolic comparison by math-verify. Import this only in a worker process: it may hang or eat memory."""

import logging
from typing import Any

from latex2sympy2_extended.latex2sympy2 import NormalizationConfig, latex2sympy, normalize_latex
from math_verify.grader import should_treat_as_complex, verify
from sympy import Basic, MatrixBase

NORMALISATION = NormalizationConfig(
    basic_latex=True, units=True, malformed_operators=True, nits=True, boxed="none", equations=False
)
PRECISION = 1e-6  # relative

logging.getLogger("math_verify").setLevel(logging.CRITICAL)  # it warns that its own timeouts are off


def algebraically_equal(gold: str, answer: str) -> bool:
    """Whether math-verify holds two formulas in canonical LaTeX for equal; what it cannot parse is not.

    Only its LaTeX grammar reads the answer. Its reader of plain expressions is not used: that one ends in Python's
    ``eval``. Both sides share one domain (complex if either shows a complex number), else equal variables differ.
    """
    real = not (should_treat_as_complex(gold) or should_treat_as_complex(answer))
    gold_tree, answer_tree = _parsed(gold, real), _parsed(answer, real)
    if gold_tree is None or answer_tree is None:
        return False
    if not verify(gold_tree, answer_tree, allow_set_relation_comp=True, timeout_seconds=None):
        return False
    return not _numbers_differ(gold_tree, answer_tree)


def _parsed(text: str, real: bool) -> Basic | MatrixBase | None:
    text = text.replace(r"\degree", r"^{\circ}").replace(r"\dollar", "")
    try:
        return latex2sympy(
            normalize_latex(text, NORMALISATION),
            is_real=real,
            convert_degrees=False,
            normalization_config=None,
        )
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception:  # the grammar, sympy and antlr raise errors of many kinds for text that is no formula
        return None


def _numbers_differ(gold: Any, answer: Any) -> bool:
    """Guard against rounding to six decimals, by which any two numbers below 1e-7 would be equal."""
    if not (getattr(gold, "is_number", False) and getattr(answer, "is_number", False)):
        return False
    try:
        a, b, difference = gold.evalf(20), answer.evalf(20), (gold - answer).evalf(20)
        if getattr(difference, "_prec", 0) == 1:  # sympy's zero: nothing is left at any precision it tried
            return False
        a, b = complex(a), complex(b)
    except (TypeError, ValueError, ArithmeticError):
        return False
    return abs(a - b) > PRECISION * max(abs(a), abs(b)) and max(abs(a), abs(b)) < 1

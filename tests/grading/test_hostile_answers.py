"""Answers built to be slow: what the calling process does with them is bounded, whatever they hold."""

import random
import time

import pytest
from sent.config import Grading
from sent.grading.grader import Gold, Grader

LONGEST = Grading().max_answer_chars
PARTS = r"""
1 { } ( ) [ | $ \ ² √ ° % _ ' " ,1 1= +1 -1 3! 1: |x .5 1e5 x_{ ^{2 ^2 (1, \{1,2\}, \frac \sqrt \sin \log_ \text{a}
\pm1 \cup(1,2) \approx1 \begin{pmatrix} \lfloor \int 2000!+ 2^{9999}+ 1<
"""
REPEATED = PARTS.split()
GOLDS = ("3", "x^2+1", "(1,2)", "x=3", r"\text{yes}", "(-1)^n")


def seconds(grader, gold, answer):
    start = time.process_time()
    grader._decided_here(Gold(gold), answer)
    return time.process_time() - start


@pytest.mark.slow
@pytest.mark.parametrize("part", REPEATED)
def test_repetition_is_decided_or_passed_on_fast(part):
    answers = [part * (LONGEST // len(part)), "5 " + (part + " ") * 500]
    with Grader(Grading()) as grader:
        assert max(seconds(grader, gold, answer) for gold in GOLDS for answer in answers) < 3


def test_nesting_is_decided_or_passed_on_fast():
    pairs = (
        ("{", "}"),
        ("(", ")"),
        ("(1,", ")"),
        (r"\frac{1}{", "}"),
        ("2^{", "}"),
        (r"\left(", r"\right)"),
        ("[", "]"),
    )
    with Grader(Grading()) as grader:
        for opening, closing in pairs:
            depth = (LONGEST - 1) // len(opening + closing)
            answer = opening * depth + "3" + closing * depth
            assert max(seconds(grader, gold, answer) for gold in GOLDS) < 3


@pytest.mark.slow
def test_nonsense_raises_nothing():
    generator = random.Random(0)
    parts = (
        *REPEATED,
        "3",
        "x",
        " ",
        "=",
        r"\\",
        "&",
        r"\end{pmatrix}",
        "cm",
        "or",
        "]",
        ")",
        "}",
        r"\rfloor",
        r"\%",
    )
    with Grader(Grading()) as grader:
        for _ in range(1000):
            answer = "".join(generator.choices(parts, k=generator.choice((3, 10, 40))))
            for gold in GOLDS:
                assert grader._decided_here(Gold(gold), answer)[0] in ("correct", "wrong", None)
            assert grader._decided_here(Gold(answer), answer + " ")[0] in ("correct", "wrong", None)

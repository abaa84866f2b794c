"""The paper-compatible verdict."""

import pytest
from sent.grading.string_match import normalise, string_match


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        ("25", "25", True),
        ("1000", "1,000", True),
        ("70", r"70^\circ", True),
        ("5", "x=5", True),
        ("5", "1=2=5", True),
        (r"\frac{1}{2}", r"\frac12", True),
        (r"\sqrt{2}", r"\sqrt2", True),
        ("5", r"5 \text{ cm}", True),
        ("5", "$5$", True),
        (r"\frac{1}{2}", "0.5", False),
        (r"\frac{1}{2}", r"\dfrac{1}{2}", False),
        ("50", r"50\%", False),
        ("5", None, False),
    ],
)
def test_strings_are_compared_after_minervas_normalisation(gold, answer, equal):
    assert string_match(gold, answer) is equal


def test_the_normal_form_keeps_what_follows_the_last_equals_sign():
    assert normalise(r"x = \frac12 \text{ cm}") == r"\frac{1}{2}"

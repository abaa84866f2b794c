"""What counts as the same text, and which answers are words."""

import pytest
from sent.grading.answers import in_words, normal_form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("117", " $117$ "),
        ("117.", "117"),
        (r"\text{Evelyn}", "Evelyn"),
        ("East", "east"),
        (r"\dfrac{1}{2}", r"\frac{1}{2}"),
        (r"\left( 1,\, 2 \right)", "(1,2)"),
        ("x + 1", "x+1"),
        (r"10\text{ cm}", "10 cm"),
        ("New  York", "new york"),
    ],
)
def test_same_text(one, other):
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("117", "117.0"),
        ("1 2", "12"),
        ("0.5", "5"),
        ("-5", "5"),
        ("A", "a"),
        (r"\frac{1}{2}", "1/2"),
        (r"x_1", "x1"),
        (r"\leftarrow", "arrow"),
        ("5!", "5"),
    ],
)
def test_different_text(one, other):
    assert normal_form(one) != normal_form(other)


def test_nothing_but_markup_is_empty():
    assert normal_form(r" $ \, $ ") == ""


@pytest.mark.parametrize("answer", ["east", r"\text{Monday}", "Paris, France", "yes", "Köln"])
def test_words(answer):
    assert in_words(answer)


@pytest.mark.parametrize(
    "answer",
    ["7", "10 cm", r"\frac{\pi}{\sqrt{2}}", "x+y", r"\sin x", "sin(x)", "A", r"\infty", "xy", "(A)", ""],
)
def test_mathematics(answer):
    assert not in_words(answer)


def test_a_hundred_thousand_characters_take_no_time():
    for text in (r"\text{" * 17_000, "{" * 100_000, "a " * 50_000, r"\frac" * 20_000):
        assert normal_form(text) is not None

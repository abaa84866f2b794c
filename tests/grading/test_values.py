"""Arithmetic on formulas: exact values, rounding, test points."""

import math
from fractions import Fraction

import pytest
from sent.grading.answers.arithmetic import TooLargeError, UndefinedError
from sent.grading.answers.formula import UnreadableError, read
from sent.grading.answers.values import Rounding, same_value, significant_digits


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", Fraction(3)),
        (".5", Fraction(1, 2)),
        ("204.", Fraction(204)),
        (r"\frac12", Fraction(1, 2)),
        (r"\frac{1}{2}3", None),
        (r"4\frac{2}{3}", Fraction(14, 3)),
        (r"-4\frac{2}{3}", Fraction(-14, 3)),
        (r"4\frac{3}{2}", Fraction(6)),
        ("2^{10}", Fraction(1024)),
        ("2^{-2}", Fraction(1, 4)),
        ("-2^2", Fraction(-4)),
        ("2^3^2", Fraction(512)),
        (r"\sqrt{\frac{4}{9}}", Fraction(2, 3)),
        (r"\sqrt[3]{27}", Fraction(3)),
        (r"\sqrt[3]{-8}", Fraction(-2)),
        ("5!", Fraction(120)),
        (r"\binom{10}{3}", Fraction(120)),
        ("|-3|", Fraction(3)),
        (r"\lfloor 2.5 \rfloor", Fraction(2)),
        (r"2\cdot 3/4", Fraction(3, 2)),
        ("1--1", Fraction(2)),
    ],
)
def test_rational_values_are_exact(text, value):
    if value is None:
        with pytest.raises(UnreadableError):
            read(text)
    else:
        found = read(text).value()
        assert found == value and isinstance(found, Fraction)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\pi", math.pi),
        ("e^2", math.e**2),
        (r"\sin(30\degree )", 0.5),
        (r"\sin^{-1}(1)", math.pi / 2),
        (r"\log_2 8", 3.0),
        (r"\ln e", 1.0),
        (r"2\sqrt{3}", 12**0.5),
        (r"\tan\frac{\pi}{4}", 1.0),
    ],
)
def test_other_values_are_floats(text, value):
    assert read(text).value() == pytest.approx(value, rel=1e-12)


def test_what_is_too_large_or_undefined_ends_at_once():
    for text in ("9^{9^{9^9}}", "10^{10^{10}}", "1000000000!", r"\binom{10^9}{5\cdot 10^8}"):
        with pytest.raises(TooLargeError):
            read(text).value()
    for text in (r"\frac{1}{0}", r"\ln 0", r"\sqrt{-1}", "0^{-1}"):
        with pytest.raises(UndefinedError):
            read(text).value()


@pytest.mark.parametrize("text", ["", "3+", "(3", "3)", r"\frac{1}", r"\int x", "2 3", r"\sqrt", "1" * 5000])
def test_what_is_no_formula_is_unreadable(text):
    with pytest.raises(UnreadableError):
        read(text)


def test_variables_have_the_same_number_in_every_formula():
    assert read("x+y").value(3) == pytest.approx(read("y+x").value(3), rel=1e-15)
    assert read("x").value(0) != read("x").value(1)
    assert read("x").value(0, whole=True).denominator == 1


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        ("x^2-1", "(x-1)(x+1)", True),
        ("x^2-1", "(x-1)^2", False),
        (r"\sqrt{x^2}", "x", False),
        (r"\ln(ab)", r"\ln a+\ln b", True),
        ("x", "y", False),
        ("2^{1009}", "2^{1009}+1", False),
        (r"\sin(1.3\sin x)", r"\sin(1.3\sin(x))", True),
        ("(-1)^n", r"\cos(\pi n)", True),
        (r"9^{9^{9^9}}", "5", False),
        (r"9^{9^{9^9}}", "9^{9^{9^8}}", False),
        (r"9^{9^{9^9}}", "9^{9^{9^9}}+1", None),
        (r"9^{9^{9^9}}", "9^{9^{9^{4+5}}}", True),
        (r"1-e^{-200}", "1", False),
        (r"e^{-800}", "0", False),
        (r"\sin\pi", "0", True),
        (r"1+\sin\pi", "1", True),
        (r"\sqrt{10^{20}+1}", "10^{10}", False),
        (r"\sqrt{2}+\sqrt{3}", r"\sqrt{5+2\sqrt6}", True),
        (r"\binom{100000}{50000}", r"\frac{100000!}{(50000!)^2}", True),
        ("10000!", r"10000\cdot 9999!", True),
        ("x+10^{-40}", "x", False),
        ("5!!", "15", True),
        ("(3!)!", "3!!", False),
    ],
)
def test_formulas_are_compared_by_value(gold, answer, same):
    assert same_value(read(gold), read(answer), Rounding()) is same


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        ("2.7778", "2.78", True),  # rounded to 3 digits
        ("2.7778", "2.77", False),
        ("2.7778", "2.8", False),  # 2 digits are too few
        ("2.78", "2.7778", True),  # the answer is the better value
        ("0.5", "0.51", False),
        ("10001", "10000", False),  # an integer is exact
        ("27.0", "27.04", False),
        ("5", "4.9999999", False),
        (r"\frac{1}{3}", "0.333333", True),
        (r"\frac{1}{3}", "0.33333", False),  # 5 digits are too few for an exact gold
        (r"\frac{1}{3}", "0.333334", False),
        ("0.333", r"\frac{1}{3}", True),
        ("3.3\\cdot 10^{-10}", "5.0\\cdot 10^{-10}", False),
        ("0", "0.0000001", False),
    ],
)
def test_decimals_may_be_rounded(gold, answer, same):
    assert same_value(read(gold), read(answer), Rounding()) is same


def test_rounding_follows_the_settings():
    gold, answer = read("2.7778"), read("2.78")
    assert same_value(gold, answer, Rounding(significant_digits=4)) is False
    assert same_value(gold, answer, Rounding(significant_digits=0)) is False
    assert same_value(gold, answer, Rounding(significant_digits=0, relative_tolerance=1e-3)) is True
    assert same_value(read("4.2"), read("4.3"), Rounding(absolute_tolerance=0.1)) is True
    assert same_value(read("5"), read("5.1"), Rounding(absolute_tolerance=0.1)) is True
    assert same_value(read("5"), read("5.2"), Rounding(absolute_tolerance=0.1)) is False


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("2.78", 3),
        ("0.0050", 2),
        ("-1.5", 2),
        (r"2.50\cdot 10^{-6}", 3),
        ("12", None),
        (r"\pi", None),
        ("2.5x", None),
    ],
)
def test_significant_digits(text, digits):
    assert significant_digits(read(text)) == digits

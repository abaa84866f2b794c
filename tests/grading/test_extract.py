"""Which answer a response commits to."""

import time

import pytest
from sent.grading.extract import extract_answer, unbox


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"So \boxed{5}.", "5"),
        (r"First \boxed{3}. Wait. The answer is \boxed{5}.", "5"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\left\{1\right\}} and done", r"\left\{1\right\}"),
        ("\\boxed{\n5\n}", "5"),
        (r"\boxed {5}", "5"),
        (r"\fbox{5}", "5"),
        (r"\framebox{5}", "5"),
        (r"the answer is $\boxed 5$.", "5"),
        (r"the answer is \boxed5.", "5"),
        (r"so $\boxed\frac{1}{2}$", r"\frac{1}{2}"),
        (r"\boxed{\boxed{7}}", "7"),
        (r"\boxed{x = \boxed{7}}", "x = {7}"),
        (r"\boxed{2} and \boxed{3}", "3"),
        (r"\boxed{3}, then \boxed{}", "3"),
        (r"\boxed{3}, then \boxed{4", "3"),
        (r"a stray { before \boxed{3}", "3"),
        (r"\boxed{4", None),
        (r"\boxed{5\}", None),
        (r"\boxed{}", None),
        ("Therefore the answer is 42.", None),
        ("", None),
        (r"<think>\boxed{1}</think> It is \boxed{2}.", "2"),
        (r"\boxed{1}</think> It is \boxed{2}.", "2"),
        (r"<think>\boxed{1}</think> It is 2.", None),
        (r"<think>a</think> \boxed{1} <think>b</think> \boxed{2}", "2"),
        (r"<think> perhaps \boxed{7}, but let me check", None),
        (r"\boxed{6} <think> perhaps \boxed{7}", "6"),
    ],
)
def test_the_last_whole_box_of_the_answer_part_counts(response, answer):
    assert extract_answer(response) == answer


def test_thinking_that_was_cut_off_is_read_only_on_request():
    response = r"<think> perhaps \boxed{7}, but let me check"
    assert extract_answer(response, read_unclosed_thinking=True) == "7"


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("Therefore the answer is 42.", "42"),
        ("The Answer is: 42\nI hope it helps.", "42"),
        ("the answer is 3. Wait, the answer is 4.", "4"),
        ("the answer is 3.5", "3.5"),
        ("the answer is **42**.", "42"),
        (r"the answer is 41. So \boxed{42}", "42"),
        ("I do not know.", None),
        ("<think>the answer is 1</think> Hm.", None),
    ],
)
def test_phrases_stand_in_for_a_box(response, answer):
    assert extract_answer(response, phrases=["answer is"]) == answer


def test_a_box_around_a_bare_answer_is_taken_off():
    assert unbox(r"\boxed{3}") == "3"
    assert unbox("3") == "3"
    assert unbox("inbox") == "inbox"
    assert unbox(r"\boxed{}") == ""
    assert unbox(r"<think> \boxed{7}, but") == ""


@pytest.mark.parametrize(
    "response",
    [
        "3+" * 500_000,
        r"\boxed{" * 150_000,
        r"\boxed" * 150_000,
        r"\boxed{" + "{" * 500_000 + "}" * 500_000 + "}",
        "<think>" * 100_000 + "</think>" * 100_000,
    ],
)
def test_a_megabyte_takes_no_longer_than_its_length(response):
    start = time.process_time()
    extract_answer(response, phrases=["answer is"])
    assert time.process_time() - start < 5

"""Which answer a response commits to."""

import time

import pytest
from sent.config.grading import PHRASES, THINKING_TAGS
from sent.grading.extract import Thinking, extract_answer, unbox


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


@pytest.mark.parametrize(("opening", "closing"), THINKING_TAGS.items())
def test_thinking_between_any_known_tags_is_passed_over(opening, closing):
    assert extract_answer(rf"{opening}perhaps \boxed{{7}}, but") is None
    assert extract_answer(rf"{opening}perhaps \boxed{{7}}{closing}I cannot tell.") is None
    assert extract_answer(rf"{opening}perhaps \boxed{{7}}{closing} It is \boxed{{8}}.") == "8"


def test_tags_of_thinking_are_a_setting():
    response = r"<mull>perhaps \boxed{7}</mull> It is 8"
    assert extract_answer(response) == "7"
    assert extract_answer(response, thinking=Thinking({"<mull>": "</mull>"})) is None


def test_a_box_of_spaces_is_empty():
    assert extract_answer(r"\boxed{5} and then \boxed{\ }, \boxed{\quad}, \boxed{ $ $ }") == "5"


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("The answer is\n```\n12\n```", "12"),
        ("The answer is:\n```python\n12\n```\nDone.", "12"),
        ("The answer is\n\\[\n5\n\\]", "5"),
        ("So the answer is: $$\\frac{1}{2}$$ as wanted", "\\frac{1}{2}"),
        ("The answer is\n\\begin{align*}\nx&=5\n\\end{align*}", "\\begin{align*}\nx&=5\n\\end{align*}"),
        (
            "The answer is $\\begin{pmatrix}\n1\\\\\n2\n\\end{pmatrix}$",
            "\\begin{pmatrix}\n1\\\\\n2\n\\end{pmatrix}",
        ),
        ("The answer is as follows:\n- x=5", "x=5"),
        ("The answers are:\n1. 3\n2. -4\n", "3, -4"),
        ("**Answer**\n\n12", "12"),
        ("**Answer:** 12", "12"),
        ("## Answer\n12 apples", "12 apples"),
        ("### Final answer\n\n**12**", "12"),
        ("16-3-4=9; 9*2=18\n#### 18", "18"),
        ("#### Step 1: Let us begin\nso\n#### 1,234", "1,234"),
        ("The answer is 12 because 3*4=12.", "12"),
        ("The answer is 0.333...", "0.333..."),
        ("The answer is 12, as required.", "12"),
        ("The answer is 12 since it is.", "12"),
        ("The answer is 5</s>", "5"),
        ("The answer is 5<|im_end|>\n", "5"),
        ("<think>a</think><answer> 48480 </answer>", "48480"),
        ("<answer>The sum is 48480</answer>", "The sum is 48480"),
        ("答案是 12。", "12"),
        ("We add the two.\n\n**12**", "12"),
        ("We add the two:\n\\[ 12 \\]", "12"),
        ("The answer is 3.5", "3.5"),
        ("The answer is $18.", "$18"),
        ("the answer is x = 3, y = 4.", "x = 3, y = 4"),
        ("The answer is therefore 12.", "12"),
        ("The answer is\n\n> 12", "12"),
        ("The answer is 12; done.", "12"),
        ("The answer is 12 - as shown above.", "12"),
        ("The answer is not clear to me.", None),
        ("Answer: Let us solve it step by step. 3*4=12, plus 1 is 13.", None),
        ("The answer is found by adding. The answer is 7. The answer is correct.", "7"),
        ("We have 3 **bold** words.", None),
    ],
)
def test_announced_answers_are_read_past_the_line(response, answer):
    found = extract_answer(response, phrases=PHRASES)
    assert (found and found.replace(" ", "")) == (answer and answer.replace(" ", ""))


@pytest.mark.parametrize("part", [" ", "\n", "\\begin{", "<|im_end|> ", "the answer is ", "\\boxed{"])
@pytest.mark.parametrize("start", ["<", "the answer is <5 ", "the answer is $"])
def test_a_megabyte_takes_no_second(start, part):
    text = start + part * (2**20 // len(part)) + "x"
    began = time.process_time()
    extract_answer(text, PHRASES)
    assert time.process_time() - began < 1

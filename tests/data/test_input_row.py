"""What stands in a row, whoever wrote it: presets, nulls, chat messages, damaged characters."""

import logging
import math

import pytest
from sent.config import RowFormat
from sent.data.input_row import Reader, is_sentence
from sent.data.rows import Row
from sent.errors import SentError


def understand(*rows, **format):
    reader = Reader(RowFormat(**format))
    found = reader.understand(Row("f", number, row) for number, row in enumerate(rows, start=1))
    return [understood for _, understood in found], reader


def one(row, **format):
    ((found,), _) = understand(row, **format)
    return found


LM_EVAL = {
    "doc_id": 3,
    "doc": {"question": "1 + 1?", "answer": "So it is 2\n#### 2"},
    "target": "So it is 2\n#### 2",
    "arguments": {"gen_args_0": {"arg_0": "Question: 1 + 1?\nAnswer:", "arg_1": {}}},
    "resps": [["\\boxed{2}", "3"]],
    "filtered_resps": ["2"],
    "filter": "strict-match",
    "exact_match": 1.0,
}
BATCH = {
    "id": "batch_req_1",
    "custom_id": "q7",
    "response": {
        "status_code": 200,
        "body": {
            "model": "m",
            "choices": [
                {"message": {"role": "assistant", "content": "2"}, "finish_reason": "stop"},
                {
                    "message": {"role": "assistant", "content": None},
                    "finish_reason": "length",
                    "logprobs": {
                        "content": [{"token": "a", "logprob": -1.0}, {"token": "b", "logprob": -0.5}]
                    },
                },
            ],
        },
    },
    "error": None,
}


@pytest.mark.parametrize(
    ("preset", "row", "expected"),
    [
        ("lm_eval", LM_EVAL, {"id": 3, "question": "1 + 1?", "responses": ["\\boxed{2}", "3"]}),
        (
            "lighteval",
            {
                "doc": {"query": "1 + 1?", "choices": ["2", "3"], "gold_index": [0]},
                "model_response": {"text": ["2", "3"], "logprobs": []},
                "metric": {"em": 1},
            },
            {"question": "1 + 1?", "answer": "2", "responses": ["2", "3"]},
        ),
        (
            "lighteval",
            {"example": "1 + 1?", "gold": ["2"], "predictions": ["2"]},
            {"question": "1 + 1?", "answer": "2", "responses": ["2"]},
        ),
        (
            "openai_batch",
            BATCH,
            {"id": "q7", "model": "m", "responses": ["2", None], "finish_reason": ["stop", "length"],
             "logprobs": [(None, None), (-1.5, 2)]},
        ),
        (
            "vllm_batch",
            {"custom_id": "q7", "response": {"status_code": 200, "body": {"choices": [{"text": "2"}]}}, "error": None},
            {"id": "q7", "responses": ["2"]},
        ),
        (
            "trl",
            {"step": 1, "prompt": [{"role": "user", "content": "1 + 1?"}],
             "completion": [{"role": "assistant", "content": "2"}], "answer": "2", "advantage": 0.5},
            {"question": "1 + 1?", "answer": "2", "responses": ["2"]},
        ),
        (
            "verl",
            {"input": "1 + 1?", "output": "2", "gts": "2", "score": -1.0, "step": 4},
            {"question": "1 + 1?", "answer": "2", "responses": ["2"], "correct": [False]},
        ),
        (
            "qwen_math",
            {"idx": 1, "question": "1 + 1?", "gt": "2", "code": ["2", "3"], "score": [True, False], "pred": ["2", "3"]},
            {"id": 1, "question": "1 + 1?", "answer": "2", "responses": ["2", "3"], "correct": [True, False]},
        ),
    ],
)  # fmt: skip
def test_presets(preset, row, expected):
    found = one(row, preset=preset)
    assert {name: getattr(found, name) for name in expected} == expected


def test_a_preset_leaves_room_for_fields():
    row = {"prompt": "1 + 1?", "completion": "2", "truth": "2"}
    assert one(row, preset="trl", fields={"answer": "truth"}).answer == "2"


def test_lm_eval_rows_of_another_filter_count_once():
    rows = [LM_EVAL, {**LM_EVAL, "filter": "flexible-extract"}, {**LM_EVAL, "doc_id": 4}]
    by_hand = {"question": "doc.question", "answer": "target", "responses": "resps.0"}
    for format in ({"preset": "lm_eval"}, {"fields": by_hand}):
        found, reader = understand(*rows, **format)
        assert len(found) == 2
        (message,) = (what for what, n in reader.counts.items() if n == 1)
        assert "under another filter than 'strict-match'" in message


def test_failed_requests_are_passed_over_and_counted():
    failed = [{"custom_id": "a", "response": None, "error": {"code": "expired"}}]
    failed.append({"custom_id": "b", "response": {"status_code": 500, "body": {}}, "error": None})
    found, reader = understand(*failed, BATCH, preset="openai_batch")
    assert len(found) == 1
    assert reader.counts["rows passed over: requests that failed"] == 2


@pytest.mark.parametrize(
    ("responses", "expected", "single"),
    [
        ("a", ["a"], True),
        (["a", None, ""], ["a", None, ""], False),
        ([{"role": "assistant", "content": "a"}], ["a"], True),
        ([{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}], ["a", "b"], False),
        ([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], ["a"], True),
        (
            [[{"role": "assistant", "content": "a"}], [{"role": "assistant", "content": "b"}]],
            ["a", "b"],
            False,
        ),
        (
            {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            ["ab"],
            True,
        ),
        ([{"role": "assistant", "content": None}], [None], True),
    ],
)
def test_responses_of_every_shape(responses, expected, single):
    found = one({"question": "q", "responses": responses})
    assert (found.responses, found.single) == (expected, single)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (" q ", "q"),
        (7, "7"),
        ([{"role": "system", "content": "s"}, {"role": "user", "content": "q"}], "q"),
        (
            [
                {"role": "user", "content": "1"},
                {"role": "assistant", "content": "2"},
                {"role": "user", "content": "3"},
            ],
            "3",
        ),
        (math.nan, None),
        ("", None),
    ],
)
def test_questions_of_every_shape(question, expected):
    assert one({"question": question}).question == expected


def test_nulls_mean_the_same_everywhere_and_are_counted():
    rows = [
        {
            "question": "q",
            "answer": math.nan,
            "responses": ["a", None, math.nan],
            "logprobs": [-1, None, math.nan],
        },
        {"question": "q", "answer": None, "response": None, "logprob": None},
        {
            "question": "q",
            "answer": "",
            "response": "a",
            "logprobs": [-1.0, None],
            "tokens": None,
            "correct": math.nan,
        },
    ]
    found, reader = understand(*rows)
    assert [row.answer for row in found] == [None] * 3
    assert [row.responses for row in found] == [["a", None, None], [None], ["a"]]
    assert found[0].logprobs == [(-1.0, None), (None, None), (None, None)]
    assert (found[2].logprobs, found[2].tokens, found[2].correct) == ([(None, None)], [None], [None])
    assert reader.counts["responses that are null, taken as empty"] == 3
    assert reader.counts["responses whose log-probabilities are null or NaN, taken as unknown"] == 3


def test_rounding_may_leave_a_log_probability_a_little_above_0():
    assert one({"question": "q", "response": "a", "logprobs": 5e-5}).logprobs == [(5e-5, None)]
    for wrong in (0.01, -math.inf, math.inf, "x", True):
        with pytest.raises(SentError, match="f: row 1: 'logprobs': expected finite numbers not above 0"):
            one({"question": "q", "response": "a", "logprobs": wrong})


def test_beside_one_response_a_list_is_of_its_tokens():
    found = one(
        {"question": "q", "response": "a", "logprobs": [-1, -2], "tokens": [5, 6], "finish_reason": "length"}
    )
    assert (found.logprobs, found.tokens, found.finish_reason) == ([(-3.0, 2)], [2], ["length"])


def test_half_characters_become_replacement_characters_and_are_counted():
    found, reader = understand({"question": "q\ud83d", "answer": "\udfff", "responses": ["a\ud800b", "ok"]})
    assert (found[0].question, found[0].answer, found[0].responses) == (
        "q\ufffd",
        "\ufffd",
        ["a\ufffdb", "ok"],
    )
    assert reader.counts["texts with half a character, now U+FFFD"] == 3


@pytest.mark.parametrize(
    ("answer", "pattern", "expected"),
    [
        ("Two and two.\n#### 4", "####", "4"),
        ("#### 3 no\n#### 4", "####", "4"),
        ("The answer is: 4", r"answer is:?", "4"),
        ("4", "####", "4"),
        ("so it is ####", "####", None),
    ],
)
def test_the_gold_answer_after_a_mark(answer, pattern, expected):
    assert one({"question": "q", "answer": answer}, answer_after=pattern).answer == expected


def test_golds_that_are_sentences_are_told_with_the_first_three(caplog):
    rows = [{"question": "q", "answer": f"She sold {i} of them.\n#### {i}"} for i in range(5)]
    _, reader = understand(*rows, {"question": "q", "answer": "7"})
    with caplog.at_level(logging.WARNING, "sent"):
        reader.log()
    assert "whole sentences" in caplog.text and 'answer_after: "####"' in caplog.text
    assert caplog.text.count("She sold") == 3
    _, reader = understand(*rows, answer_after="####")
    assert not reader.sentences


@pytest.mark.parametrize(
    "answer", ["7", r"\frac{1}{2}", "x \\text{ is positive}", "(1, 2) and (3, 4)", "east", "1,2,3"]
)
def test_answers_are_no_sentences(answer):
    assert not is_sentence(answer)


def test_a_mapped_key_must_be_there_and_errors_name_the_users_key():
    with pytest.raises(SentError, match="f: row 1: 'score': row has no such key; its keys are q"):
        one({"q": "x"}, fields={"question": "q", "correct": "score"})
    with pytest.raises(
        SentError,
        match=r"f: row 1: 'gt': a dict is no answer; reach a value inside with dots, such as 'gt\.value'",
    ):
        one({"gt": {"value": 1}}, fields={"answer": "gt"})

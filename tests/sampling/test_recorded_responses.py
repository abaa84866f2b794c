"""Responses of other models: read right, and every defect named with its row."""

import json

import pytest
from sent import tables
from sent.__main__ import main
from sent.config import Recorded
from sent.errors import SentError
from sent.sampling.recorded import recorded_samples

QUESTIONS = [
    {"question_id": "a", "question": "1 + 1 ?", "answer": "2"},
    {"question_id": "b", "question": "2 + 2 ?", "answer": "4"},
]
ROWS = [
    {"question": "1 + 1 ?", "answer": "2", "responses": ["2", "3"], "logprobs": [[-0.5, -1.0], [-2.0]]},
    {"question": "2 + 2 ?", "answer": "4", "responses": ["4"], "logprobs": [-0.25]},
]


def write(tmp_path, rows):
    path = tmp_path / "recorded.jsonl"
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return str(path)


def read(path, **fields):
    return [row for part in recorded_samples(Recorded(path=path, fields=fields), QUESTIONS) for row in part]


def test_responses_become_samples(tmp_path):
    first, second, third = read(write(tmp_path, ROWS))
    assert first == {
        "question_id": "a",
        "sample": 0,
        "text": "2",
        "n_tokens": 2,
        "logprob_sum": -1.5,
        "finish_reason": "unknown",
        "recorded_correct": None,
    }
    assert (second["sample"], second["n_tokens"], second["logprob_sum"]) == (1, 1, -2.0)
    # A bare sum tells no number of tokens
    assert (third["question_id"], third["n_tokens"], third["logprob_sum"]) == ("b", None, -0.25)


def test_other_keys_and_recorded_verdicts(tmp_path):
    rows = [
        {"q": {"text": "1 + 1 ?"}, "gt": 2, "code": ["2", ""], "score": [True, False], "n": [7, 0]},
        {"q": {"text": "2 + 2 ?"}, "gt": 4.0, "code": ["4"], "score": [1], "n": [[5, 6, 7]]},
    ]
    found = read(
        write(tmp_path, rows), question="q.text", answer="gt", responses="code", correct="score", tokens="n"
    )
    assert [row["recorded_correct"] for row in found] == [True, False, True]
    assert [row["n_tokens"] for row in found] == [7, 0, 3]
    assert [row["logprob_sum"] for row in found] == [None, None, None]


def test_rows_of_one_question_follow_on_and_dropped_questions_are_passed_over(tmp_path):
    rows = [*ROWS, {**ROWS[0], "responses": ["5"], "logprobs": [-1]}, {**ROWS[0], "question": "0 ?"}]
    found = read(write(tmp_path, rows))
    assert [(row["question_id"], row["sample"]) for row in found] == [("a", 0), ("a", 1), ("b", 0), ("a", 2)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": None}, "row 2: 'question': row has no question"),
        ({"question": " "}, "row 2: 'question': row has no question"),
        ({"answer": ""}, "row 2: 'answer': row has no answer"),
        ({"answer": {"x": 1}}, "row 2: 'answer': a dict is no answer"),
        ({"responses": None}, "row 2: 'responses': row has no responses; its keys are question"),
        ({"responses": []}, "row 2: 'responses': the list is empty"),
        (
            {"responses": 4},
            "row 2: 'responses': expected a text, a list of texts or of chat messages, found 4",
        ),
        (
            {"responses": ["4", {"x": 1}]},
            "row 2: 'responses': expected a text, or a chat message.*found {'x': 1}",
        ),
        ({"logprobs": [-1, -2]}, "row 2: 'logprobs': found 2 entries.*1 responses"),
        ({"logprobs": -1}, "row 2: 'logprobs': found a int"),
        ({"logprobs": [0.5]}, "row 2: 'logprobs': expected finite numbers not above 0"),
        ({"logprobs": [float("inf")]}, "row 2: 'logprobs': expected finite"),
        ({"logprobs": [[-1, "x"]]}, "row 2: 'logprobs': expected finite"),
        ({"tokens": [-1]}, "row 2: 'tokens': expected a number of tokens"),
        ({"correct": ["yes"]}, "row 2: 'correct': expected true or false"),
    ],
)
def test_defects_are_named_with_their_row(tmp_path, change, message):
    with pytest.raises(SentError, match=message):
        read(write(tmp_path, [ROWS[0], {**ROWS[1], **change}]))


def test_a_truncated_line_is_named(tmp_path):
    path = write(tmp_path, [ROWS[0], '{"question": "2 + 2 ?", "answ'])
    with pytest.raises(SentError, match="row 2 is not JSON"):
        read(path)


def test_a_question_without_responses_is_named(tmp_path):
    with pytest.raises(SentError, match="no responses for 1 questions, such as 'b'"):
        read(write(tmp_path, ROWS[:1]))


def test_a_mapped_key_must_be_there(tmp_path):
    with pytest.raises(SentError, match="row 1: 'score': row has no such key"):
        read(write(tmp_path, ROWS), correct="score")


def test_real_recorded_solutions(tmp_path, shared_data):
    recorded = json.dumps(
        {
            "path": str(shared_data / "samples" / "math_cot_100.jsonl"),
            "fields": {"id": "idx", "answer": "gt", "responses": "code", "correct": "score"},
        }
    )
    questions, samples = str(tmp_path / "questions.parquet"), str(tmp_path / "samples.parquet")
    assert main(["data", "--recorded", recorded, "--output", questions]) == 0
    assert main(["sampling", "--recorded", recorded, "--questions", questions, "--output", samples]) == 0
    rows = tables.rows(samples, tables.SAMPLES)
    assert len(rows) == 800
    assert {row["sample"] for row in rows} == set(range(8))
    assert len({row["question_id"] for row in rows}) == 100
    assert all(row["recorded_correct"] is not None for row in rows)


def test_several_models_are_compared_on_the_questions_that_all_answered(tmp_path):
    from sent.data.load import load_recorded

    paths = {}
    for model, rows in {"one": ROWS, "two": ROWS[:1]}.items():
        (tmp_path / model).mkdir()
        paths[model] = write(tmp_path / model, rows)
    recorded = Recorded(path=paths)
    found = load_recorded(recorded)
    assert [row["question"] for row in found.questions] == ["1 + 1 ?"]
    assert [(d.reason, d.detail) for d in found.dropped] == [("not answered in every file", paths["two"])]
    for path in paths.values():
        samples = [row for part in recorded_samples(recorded, found.questions, path) for row in part]
        assert [row["text"] for row in samples] == ["2", "3"]


def test_one_response_a_row_in_any_shape(tmp_path):
    rows = [
        {"question": q["question"], "answer": q["answer"], "response": text}
        for text in "12"
        for q in QUESTIONS
    ]
    found = read(write(tmp_path, rows))
    assert [(row["question_id"], row["sample"], row["text"]) for row in found] == [
        ("a", 0, "1"), ("b", 0, "1"), ("a", 1, "2"), ("b", 1, "2"),
    ]  # fmt: skip
    chat = [{**row, "response": [{"role": "assistant", "content": row["response"]}]} for row in rows]
    assert read(write(tmp_path, chat)) == found


def test_questions_that_stand_elsewhere_are_joined_by_id(tmp_path):
    from sent.data.load import load_recorded

    questions = tmp_path / "questions.jsonl"
    questions.write_text("".join(json.dumps({"id": q["question_id"], **q}) + "\n" for q in QUESTIONS))
    rows = [{"id": q["question_id"], "response": "2"} for q in QUESTIONS]
    recorded = Recorded(path=write(tmp_path, rows), questions={"path": str(questions)})
    found = load_recorded(recorded).questions
    assert [(row["question_id"], row["answer"]) for row in found] == [("a", "2"), ("b", "4")]
    samples = [row for part in recorded_samples(recorded, found) for row in part]
    assert [row["question_id"] for row in samples] == ["a", "b"]


def test_null_responses_are_empty_and_rows_without_what_is_needed_can_be_left_out(tmp_path, caplog):
    rows = [
        ROWS[0],
        {**ROWS[1], "responses": ["4", None], "logprobs": None},
        {"question": "0 ?", "responses": ["1"]},
    ]
    path = write(tmp_path, rows)
    with pytest.raises(SentError, match=r"row 3: 'answer': row has no answer.*`on_missing: drop`"):
        list(recorded_samples(Recorded(path=path), QUESTIONS))
    samples = [
        row for part in recorded_samples(Recorded(path=path, on_missing="drop"), QUESTIONS) for row in part
    ]
    assert [row["text"] for row in samples] == ["2", "3", "4", ""]
    assert "1 responses that are null, taken as empty" in caplog.text
    assert "1 rows left out: no answer" in caplog.text


def test_rows_that_repeat_responses_are_told(tmp_path, caplog):
    read(write(tmp_path, [*ROWS, ROWS[0]]))
    assert "1 rows that repeat the responses of another row" in caplog.text

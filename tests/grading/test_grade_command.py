"""`sent grade FILE`: anybody's outputs."""

import io
import json
import sys

import pytest
from sent.__main__ import main


def graded(tmp_path, capsys, rows, *options):
    path = tmp_path / "outputs.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    status = main(["grade", str(path), *options])
    captured = capsys.readouterr()
    return status, [json.loads(line) for line in captured.out.splitlines()], captured.err


def test_rows_keep_their_order_and_fields(tmp_path, capsys):
    rows = [
        {"id": 1, "gold": "0.5", "prediction": r"\frac12", "note": "é"},
        {"id": 2, "gold": "5", "response": r"First \boxed{5}, no: \boxed{6}."},
        {"id": 3, "gold": "5", "response": "no box"},
        {"id": 4, "gold": "5", "response": "cut", "finish_reason": "length"},
        {"id": 5, "gold": 7, "prediction": 7.0},
        {"id": 6, "gold": ["2", "3"], "prediction": "3 and 2"},
        {"id": 7, "gold": "5", "prediction": None},
    ]
    status, out, _ = graded(tmp_path, capsys, rows)
    assert status == 0
    assert [
        {k: v for k, v in row.items() if k not in ("verdict", "verdict_reason", "extracted")} for row in out
    ] == rows
    assert [(row["verdict"], row["extracted"]) for row in out] == [
        ("correct", r"\frac12"),
        ("wrong", "6"),
        ("no_answer", None),
        ("truncated", None),
        ("correct", "7.0"),
        ("correct", "3 and 2"),
        ("no_answer", None),
    ]


def test_a_row_may_hold_many_responses(tmp_path, capsys):
    row = {"question": "q", "answer": "5", "responses": [r"\boxed{5}", r"\boxed{6}", None]}
    _, out, _ = graded(tmp_path, capsys, [row])
    reasons = ["same text", "exact fractions", "no answer found"]
    verdicts = ["correct", "wrong", "no_answer"]
    assert out == [{**row, "verdict": verdicts, "verdict_reason": reasons, "extracted": ["5", "6", None]}]


def test_other_keys_marks_in_golds_and_rows_without_gold(tmp_path, capsys):
    rows = [
        {"target": "so\n#### 7", "choices": [{"text": r"\boxed{7}"}, {"text": r"\boxed{8}"}]},
        {"target": None, "choices": [{"text": "x"}]},
    ]
    fields = json.dumps({"answer": "target", "responses": "choices.*.text"})
    options = ("--fields", fields, "--answer-after", "####")
    status, _, err = graded(tmp_path, capsys, rows, *options)
    assert status == 1 and "row 2: 'target': row has no gold answer" in err
    _, out, _ = graded(tmp_path, capsys, rows, *options, "--on-missing", "drop")
    assert [row["verdict"] for row in out] == [["correct", "wrong"]]


def test_golds_come_from_another_file_by_id(tmp_path, capsys):
    questions = tmp_path / "questions.csv"
    questions.write_text("id,question,answer\na,1 + 1?,2\nb,2 + 2?,4\n")
    rows = [
        {
            "custom_id": name,
            "error": None,
            "response": {"status_code": 200, "body": {"choices": [{"message": {"content": r"\boxed{2}"}}]}},
        }
        for name in "ab"
    ]
    options = ("--preset", "openai_batch", "--questions", str(questions))
    _, out, _ = graded(tmp_path, capsys, rows, *options)
    assert [row["verdict"] for row in out] == [["correct"], ["wrong"]]


def test_a_summary_by_model(tmp_path, capsys):
    rows = [
        {"model": model, "id": q, "gold": "5", "response": rf"\boxed{{{answer}}}"}
        for model, answers in (("a", "5566"), ("b", "5555"))
        for q, answer in zip("xxyy", answers, strict=True)
    ]
    path = tmp_path / "outputs.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert main(["grade", str(path), "--summary"]) == 0
    header, _, first, second, *_ = capsys.readouterr().out.splitlines()[1:]
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in (header, first, second)]
    assert cells == [
        ["model", "questions", "responses", "avg@2", "pass@2"],
        ["a", "2", "4", "50.0 [0.0, 100.0]", "50.0 [0.0, 100.0]"],
        ["b", "2", "4", "100.0 [100.0, 100.0]", "100.0 [100.0, 100.0]"],
    ]


def test_many_responses_without_an_answer_are_told(tmp_path, capsys, caplog):
    rows = [{"gold": "5", "response": "I do not know."}] * 2 + [{"gold": "5", "response": r"\boxed{5}"}]
    graded(tmp_path, capsys, rows)
    assert "no answer was found in 67% of the responses" in caplog.text
    caplog.clear()
    graded(tmp_path, capsys, rows[1:] + rows[2:] * 2)
    assert "no answer was found" not in caplog.text


def test_a_tolerance_belongs_to_its_row(tmp_path, capsys):
    row = {"gold": "4.2", "prediction": "4.3"}
    _, out, _ = graded(tmp_path, capsys, [{**row, "tolerance": 0.1}, row, {**row, "tolerance": 0.01}])
    assert [r["verdict"] for r in out] == ["correct", "wrong", "wrong"]


def test_settings_and_standard_input(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"gold": "50", "prediction": "50%"}\n\n'))
    assert main(["grade", "-", "--settings", '{"percent": "value"}']) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "wrong"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"gold": "5", "prediction"', "row 2 is not JSON"),
        ('{"gold": "5", "prediction": ' + "7" * 5000 + "}", "row 2 is not JSON"),
        ("[" * 100_000, "row 2 is not JSON"),
        ("[1]", "row 2 holds a list; expected one JSON object a line"),
        ({"prediction": "5"}, "row 2: 'answer': row has no gold answer"),
        ({"gold": "", "prediction": "5"}, "row 2: 'answer': row has no gold answer"),
        ({"gold": [], "prediction": "5"}, "row 2: 'answer': row has no gold answer"),
        ({"gold": "5"}, "row 2: 'responses': found neither; expected one of `prediction`"),
        ({"gold": "5", "prediction": "5", "response": "5"}, "row 2: 'responses': found both"),
        ({"gold": "5", "prediction": ["5"]}, "row 2: 'prediction': is ['5']"),
        (
            {"gold": "5", "response": 5},
            "row 2: 'responses': expected a text, a list of texts or of chat messages, found 5",
        ),
        ({"gold": "5", "prediction": "5", "tolerance": -1}, "row 2: 'tolerance': is '-1'"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_printed(tmp_path, capsys, row, message):
    status, out, err = graded(tmp_path, capsys, [{"gold": "5", "prediction": "5"}, row])
    assert (status, out) == (1, [])
    assert message in err and "outputs.jsonl" in err


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path, capsys):
    (tmp_path / "marked.jsonl").write_text('{"gold": "5", "prediction": "5"}\n', encoding="utf-8-sig")
    assert main(["grade", str(tmp_path / "marked.jsonl")]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "correct"


def test_a_missing_an_empty_and_a_binary_file_are_errors(tmp_path, capsys):
    assert main(["grade", str(tmp_path / "nowhere.jsonl")]) == 1
    assert "nowhere.jsonl: no such file" in capsys.readouterr().err
    (tmp_path / "empty.jsonl").write_text("\n")
    assert main(["grade", str(tmp_path / "empty.jsonl")]) == 1
    assert "no rows" in capsys.readouterr().err
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert main(["grade", str(tmp_path / "binary")]) == 1
    assert "UTF-8" in capsys.readouterr().err
    assert main(["grade", str(tmp_path / "empty.jsonl"), "--settings", '{"precent": "value"}']) == 1
    assert "did you mean 'percent'" in capsys.readouterr().err


def test_explain_tells_which_rule_decided(tmp_path, capsys):
    rows = [
        {"gold": r"\frac13", "prediction": "0.333333"},
        {"gold": "5 cm", "prediction": "5 m"},
        {"gold": "3", "response": "hm"},
        {"gold": "(1,2)", "responses": [r"\boxed{(2,1)}", r"\boxed{x=1,y=2}"]},
    ]
    _, out, _ = graded(tmp_path, capsys, rows, "--explain")
    assert [row["verdict_reason"] for row in out] == [
        "rounding",
        "units",
        "no answer found",
        ["items in order", "items in order"],
    ]
    assert out[0]["steps"] == [
        {"rule": "rounding", "gold": r"\frac{1}{3}", "answer": "0.333333", "same": True}
    ]
    assert [step["same"] for step in out[3]["steps"][1]] == [True, True, True]

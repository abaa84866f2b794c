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
    assert [{k: v for k, v in row.items() if k not in ("verdict", "extracted")} for row in out] == rows
    assert [(row["verdict"], row["extracted"]) for row in out] == [
        ("correct", r"\frac12"),
        ("wrong", "6"),
        ("no_answer", None),
        ("truncated", None),
        ("correct", "7.0"),
        ("correct", "3 and 2"),
        ("no_answer", None),
    ]


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

"""``python -m sent data`` writes tables, lists what it left out and speaks plainly of errors."""

import json

from sent import tables
from sent.__main__ import main


def write(path, rows) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def run(source: dict, *more: str) -> int:
    return main(["data", "--source", json.dumps(source), *more])


def test_writes_questions_and_what_was_dropped(tmp_path):
    rows = [
        {"question": "one\ttwo?", "answer": "1", "id": "a"},
        {"question": "one two?", "answer": "2", "id": "b"},
        {"question": "three?", "answer": "3", "id": "c"},
    ]
    output, dropped = tmp_path / "out" / "q.parquet", tmp_path / "out" / "dropped.tsv"
    path = write(tmp_path / "q.jsonl", rows)
    assert run({"path": path}, "--output", str(output), "--dropped", str(dropped)) == 0
    assert tables.rows(output, tables.QUESTIONS) == [
        {"question_id": "c", "question": "three?", "answer": "3", "group": None, "tolerance": None}
    ]
    assert dropped.read_text() == (
        "question_id\treason\tdetail\tquestion\na\tconflicting answers\t1 | 2\tone two?\n"
    )


def test_excludes_what_stands_in_a_benchmark_and_then_limits(tmp_path):
    asked = "If $m$ and $n$ are integers such that $3m + 4n = 100$, what is the smallest possible value?"
    near = asked.replace("what is the smallest possible value", "find the smallest possible value of m")
    train = [{"question": text, "answer": "1"} for text in (near, "Another question?", "A third one?")]
    benchmark, output, dropped = tmp_path / "bench.parquet", tmp_path / "q.parquet", tmp_path / "d.tsv"
    rows = [{"question_id": "b7", "question": asked, "answer": "1"}]
    tables.write(benchmark, tables.table(tables.QUESTIONS, rows))
    source = {"path": write(tmp_path / "q.jsonl", train), "limit": 1}
    more = ("--output", str(output), "--dropped", str(dropped), "--exclude", str(benchmark))
    assert run(source, *more) == 0
    assert [row["question"] for row in tables.rows(output)] == ["Another question?"]
    assert "\tstands in a benchmark\tb7 of bench\tIf $m$" in dropped.read_text()


def test_excluding_everything_is_an_error(tmp_path, capsys):
    benchmark = tmp_path / "bench.parquet"
    rows = [{"question_id": "b", "question": "same?", "answer": "1"}]
    tables.write(benchmark, tables.table(tables.QUESTIONS, rows))
    source = {"path": write(tmp_path / "q.jsonl", [{"question": "same?", "answer": "1"}])}
    assert run(source, "--output", str(tmp_path / "q.parquet"), "--exclude", str(benchmark)) == 1
    assert "error: --exclude: all 1 questions stand in" in capsys.readouterr().err
    assert not (tmp_path / "q.parquet").exists()


def test_user_errors_are_one_line_and_leave_no_file(tmp_path, capsys):
    assert run({"path": str(tmp_path / "none.jsonl")}, "--output", str(tmp_path / "q.parquet")) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'none.jsonl'}: no such file")
    assert not (tmp_path / "q.parquet").exists()

"""Files of every kind give the same rows, and a damaged one is named with its row."""

import bz2
import gzip
import json
import lzma

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sent.data.rows import of_file, several_times, value
from sent.errors import SentError

ROWS = [{"question": "1 + 1?", "answer": "2"}, {"question": "é?", "answer": "3"}]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
COMMAS = "question,answer\n1 + 1?,2\né?,3\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", LINES.encode()),
        ("a.JSONL", LINES.encode()),
        ("a.ndjson", LINES.encode()),
        ("pipe", LINES.encode()),
        ("marked.jsonl", b"\xef\xbb\xbf" + LINES.encode()),
        ("windows.jsonl", LINES.replace("\n", "\r\n\r\n").encode()),
        ("a.json", json.dumps(ROWS, indent=1).encode()),
        ("array.jsonl", json.dumps(ROWS).encode()),
        ("lines.json", LINES.encode()),
        ("a.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)),
        ("a.JSONL.GZ", gzip.compress(LINES.encode(), mtime=0)),
        ("a.jsonl.bz2", bz2.compress(LINES.encode())),
        ("a.jsonl.xz", lzma.compress(LINES.encode())),
        ("a.csv", COMMAS.encode()),
        ("marked.csv", b"\xef\xbb\xbf" + COMMAS.replace("\n", "\r\n").encode()),
        ("a.csv.gz", gzip.compress(COMMAS.encode(), mtime=0)),
        ("a.TSV", COMMAS.replace(",", "\t").encode()),
    ],
)
def test_every_kind_of_file_gives_the_same_rows(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert [row.values for row in of_file(tmp_path / name)] == ROWS


def test_a_folder_of_shards_is_read_by_name(tmp_path):
    (tmp_path / "b.jsonl").write_text(json.dumps(ROWS[1]))
    (tmp_path / "README.md").write_text("not rows")
    pq.write_table(pa.Table.from_pylist(ROWS[:1]), tmp_path / "a.parquet")
    found = list(of_file(tmp_path))
    assert [row.values for row in found] == ROWS
    assert [row.where for row in found] == [f"{tmp_path}/a.parquet: row 1", f"{tmp_path}/b.jsonl: row 1"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(SentError, match=r"empty: the folder holds no \.jsonl"):
        list(of_file(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": 1, "a": 2}', "row 2 has the key 'a' twice"),
        ("a.jsonl", b'{"a": 1}\n{"b": {"a": 1, "a": 2}}', "row 2 has the key 'a' twice"),
        ("a.jsonl", b'{"a": 1}\n\0\0\0', "row 2 is not JSON"),
        ("a.jsonl", b'{"a": "x\0"}', "row 1 is not JSON"),
        ("a.jsonl", b'{"a": ' + b"9" * 5000 + b"}", "row 1 is not JSON .*4300 digits"),
        ("a.jsonl", b"[" * 100_000, "row 1 is not JSON .*recursion"),
        ("a.jsonl", '{"a": 1}'.encode("utf-16"), "row 1 is not UTF-8 text"),
        ("a.jsonl", b'{"a": 1}\n7', "row 2 holds a int"),
        ("a.json", b'[{"a": 1}, 7]', "row 2 holds a int"),
        ("a.csv", b"a,a\n1,2\n", "has the column 'a' twice"),
        ("a.csv", b"a\n\xff\n", "is not UTF-8 text"),
        ("a.csv.gz", gzip.compress(b"a\n" + b"1\n" * 99_999, mtime=0)[:100], "cannot be read after row"),
        ("a.jsonl.gz", b"no archive", "cannot be read after row 0"),
        ("a.parquet", b"PAR1", "not a readable Parquet file"),
    ],
)
def test_what_cannot_be_read_is_one_error_with_its_place(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SentError, match=f"{name}: {message}"):
        list(of_file(tmp_path / name))


def test_doubled_columns_of_parquet_are_refused(tmp_path):
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(SentError, match="has the column 'a' twice"):
        list(of_file(tmp_path / "a.parquet"))


def test_a_line_of_50_megabytes_is_read(tmp_path):
    (tmp_path / "long.jsonl").write_text(json.dumps({"response": "x" * 50_000_000}) + "\n{}")
    assert [len(row.values.get("response", "")) for row in of_file(tmp_path / "long.jsonl")] == [
        50_000_000,
        0,
    ]


def test_paths_into_rows():
    row = {
        "a.b": 1,
        "choices": [{"message": {"content": "x"}}, {"message": {}}, {"message": {"content": "y"}}],
        "turns": [{"parts": ["p", "q"]}, {"parts": ["r"]}],
        "none": None,
    }
    assert value(row, "a.b") == 1
    assert value(row, "choices.0.message.content") == "x"
    assert value(row, "choices.*.message.content") == ["x", None, "y"]
    assert value(row, "turns.*.parts.*") == ["p", "q", "r"]
    for absent in ("choices.7", "choices.message", "a.c", "none.*"):
        with pytest.raises(KeyError):
            value(row, absent)


def test_a_pipe_can_be_read_twice(tmp_path):
    import os
    import threading

    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text(LINES, encoding="utf-8"))
    writer.start()
    with several_times(str(tmp_path / "pipe")) as again:
        assert [row.values for row in again()] == [row.values for row in again()] == ROWS
    writer.join()

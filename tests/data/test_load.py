"""Questions from files and from the hub: what is merged, what is dropped, and what is an error."""

import json

import pytest
from sent.config import Generator, Hub, Recorded, Source, parse
from sent.data.load import load, load_recorded
from sent.data.text import answer_key, answer_text, question_key
from sent.errors import SentError


def write(path, rows) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def question(text: str, answer="1", **more) -> dict:
    return {"question": text, "answer": answer, **more}


def test_reads_rows_in_order_with_ids_and_groups(tmp_path):
    path = write(tmp_path / "q.jsonl", [question(" a? ", "1", id="x", group="g"), question("b?", 2, id=7)])
    loaded = load(Source(path=path))
    assert loaded.questions == [
        {"question_id": "x", "question": "a?", "answer": "1", "group": "g", "tolerance": None},
        {"question_id": "7", "question": "b?", "answer": "2", "group": None, "tolerance": None},
    ]
    assert (loaded.dropped, loaded.n_rows, loaded.n_merged) == ([], 2, 0)


def test_a_tolerance_comes_from_the_column_that_fields_name(tmp_path):
    rows = [question("a?", "4.2", error="1e-1"), question("b?", error=None), question("c?", error="")]
    path = write(tmp_path / "q.jsonl", rows)
    loaded = load(Source(path=path, fields={"tolerance": "error"}))
    assert [row["tolerance"] for row in loaded.questions] == [0.1, None, None]
    assert [row["tolerance"] for row in load(Source(path=path)).questions] == [None] * 3


@pytest.mark.parametrize("value", ["a tenth", "-1", "nan", "inf"])
def test_a_tolerance_that_is_no_number_is_an_error(tmp_path, value):
    path = write(tmp_path / "q.jsonl", [question("a?"), question("b?", error=value)])
    with pytest.raises(SentError, match=rf"row 2: 'error': is '{value}'; expected a number"):
        load(Source(path=path, fields={"tolerance": "error"}))


def test_without_ids_a_questions_id_is_a_function_of_its_text(tmp_path):
    first = load(Source(path=write(tmp_path / "a.jsonl", [question("a?"), question("b?")]))).questions
    second = load(Source(path=write(tmp_path / "b.jsonl", [question("b ?"), question("a?")]))).questions
    assert [row["question_id"] for row in first] == [row["question_id"] for row in second][::-1]
    assert first[0]["question_id"] != first[1]["question_id"]


def test_parquet_and_csv_give_what_jsonl_gives(tmp_path):
    import csv

    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [question("a, b?\nc", "1", id="x"), question('"d"?', "2", id="y")]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "q.parquet")
    with (tmp_path / "q.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "question", "answer"])
        writer.writeheader()
        writer.writerows(rows)
    expected = load(Source(path=write(tmp_path / "q.jsonl", rows))).questions
    assert load(Source(path=str(tmp_path / "q.parquet"))).questions == expected
    assert load(Source(path=str(tmp_path / "q.csv"))).questions == expected


def test_fields_reach_nested_values_and_prefix_and_suffix_are_cut(tmp_path):
    row = {
        "prompt": [{"content": "Solve:\n2+2?\nThink."}],
        "reward": {"gold": [4.0, 5]},
        "extra": {"index": "u1"},
    }
    fields = {"question": "prompt.0.content", "answer": "reward.gold", "id": "extra.index"}
    source = Source(path=write(tmp_path / "q.jsonl", [row]), fields=fields, prefix="Solve:", suffix="Think.")
    assert load(source).questions == [
        {"question_id": "u1", "question": "2+2?", "answer": "4, 5", "group": None, "tolerance": None}
    ]


def test_a_column_whose_name_has_dots_goes_before_nesting(tmp_path):
    path = write(tmp_path / "q.jsonl", [{"a.b": "flat?", "a": {"b": "nested?"}, "answer": "1"}])
    assert load(Source(path=path, fields={"question": "a.b"})).questions[0]["question"] == "flat?"


def test_repeated_questions_merge_and_conflicting_answers_drop(tmp_path):
    rows = [
        question("Is $a+b$ odd?", "27", id="1"),
        question("Is $a + b$  odd?", "27.0", id="2"),
        question("c?", "1", id="3"),
        question("c?", "2", id="4"),
        question("c ?", "2", id="5"),
    ]
    loaded = load(Source(path=write(tmp_path / "q.jsonl", rows)))
    assert [(row["question_id"], row["answer"]) for row in loaded.questions] == [("1", "27")]
    assert [(d.question_id, d.reason, d.detail) for d in loaded.dropped] == [
        ("3", "conflicting answers", "1 | 2")
    ]
    assert (loaded.n_rows, loaded.n_merged) == (5, 3)


def test_spacing_between_digits_counts():
    assert question_key("1 1 + x") == question_key("1 1+x")
    assert question_key("1 1 + x") != question_key("11 + x")
    assert answer_key("$1,2$") == answer_key("1, 2") != answer_key("12")
    assert answer_key("27") == answer_key("27.0") != answer_key("2.7")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (27.0, "27"),
        (0.5, "0.5"),
        (1e30, "1e+30"),
        (" \\frac12 ", "\\frac12"),
        ("27.0", "27.0"),
        (["$69$", "$84$"], "$69$, $84$"),
        ([1.0, None, "x"], "1, x"),
        (None, ""),
        (float("nan"), ""),
        ([], ""),
    ],
)
def test_answers_of_any_type_become_text(value, text):
    assert answer_text(value) == text


def test_a_repeated_row_may_keep_its_id_but_two_questions_may_not_share_one(tmp_path):
    twice = write(tmp_path / "twice.jsonl", [question("a?", id="x"), question("a?", id="x")])
    assert load(Source(path=twice)).n_merged == 1
    shared = write(tmp_path / "shared.jsonl", [question("a?", id="x"), question("b?", id="x")])
    with pytest.raises(SentError, match=r"shared\.jsonl: row 2 has the id 'x' of an earlier row"):
        load(Source(path=shared))


def test_rows_without_question_or_answer_are_named_or_dropped(tmp_path):
    rows = [question("a?"), question("b?", "", id="bee"), question(" ", "1"), {"id": "d", "answer": None}]
    path = write(tmp_path / "q.jsonl", rows)
    with pytest.raises(SentError) as error:
        load(Source(path=path))
    assert (
        "row 2 (id 'bee') has no answer; row 3 has no question; row 4 (id 'd') has no question and no answer"
        in (str(error.value))
    )
    loaded = load(Source(path=path, on_missing="drop"))
    assert [row["question"] for row in loaded.questions] == ["a?"]
    assert [(d.question_id, d.reason, d.detail) for d in loaded.dropped] == [
        ("bee", "no answer", "row 2"),
        ("", "no question", "row 3"),
        ("d", "no question and no answer", "row 4"),
    ]


def test_many_incomplete_rows_are_counted(tmp_path):
    path = write(tmp_path / "q.jsonl", [question(f"{i}?", "") for i in range(9)])
    with pytest.raises(SentError, match=r"row 5 has no answer; and 4 rows more"):
        load(Source(path=path))


def test_a_wrong_column_shows_the_columns_there_are(tmp_path):
    path = write(tmp_path / "q.jsonl", [{"problem": "a?", "answer": "1"}])
    with pytest.raises(
        SentError, match="row 1 has no question; its columns are problem, answer: name the right one"
    ):
        load(Source(path=path))
    with pytest.raises(SentError, match=r"row 1: 'uid': row has no such key; its keys are problem, answer"):
        load(Source(path=path, fields={"question": "problem", "id": "uid"}))


def test_values_that_hold_more_than_a_text_say_how_to_reach_it(tmp_path):
    path = write(tmp_path / "q.jsonl", [{"question": [{"content": "a?"}], "answer": {"value": 1}}])
    with pytest.raises(SentError, match=r"'question': is a list, expected a text.*'question.0.content'"):
        load(Source(path=path))
    with pytest.raises(SentError, match=r"a dict is no answer.*'answer.value'"):
        load(Source(path=path, fields={"question": "question.0.content"}))


def test_a_text_without_the_prefix_is_an_error(tmp_path):
    path = write(tmp_path / "q.jsonl", [question("Solve: a?"), question("b?")])
    with pytest.raises(SentError, match="row 2: the question lacks the `prefix` 'Solve:'"):
        load(Source(path=path, prefix="Solve:"))


def test_truncated_json_names_the_line(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(question("a?")) + '\n\n{"question": "b?", "ans')
    with pytest.raises(
        SentError, match=r"q\.jsonl: row 3 is not JSON .*cut off: '\{\"question\": \"b\?\", \"ans'"
    ):
        load(Source(path=str(path)))
    path.write_text('["a?"]\n')
    with pytest.raises(SentError, match="row 1 holds a str; expected one JSON object a line"):
        load(Source(path=str(path)))


def test_missing_empty_and_foreign_files(tmp_path):
    with pytest.raises(SentError, match=r"none\.jsonl: no such file"):
        load(Source(path=str(tmp_path / "none.jsonl")))
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(SentError, match=r"empty\.jsonl: is empty; expected one question a row"):
        load(Source(path=str(tmp_path / "empty.jsonl")))
    (tmp_path / "q.xlsx").write_text("")
    with pytest.raises(SentError, match=r"read from \.jsonl, .* files .*, found '\.xlsx'"):
        load(Source(path=str(tmp_path / "q.xlsx")))
    (tmp_path / "q.parquet").write_text("no parquet")
    with pytest.raises(SentError, match=r"q\.parquet: not a readable Parquet file"):
        load(Source(path=str(tmp_path / "q.parquet")))
    (tmp_path / "latin.jsonl").write_bytes(b'{"question": "\xe9?", "answer": "1"}\n')
    with pytest.raises(SentError, match=r"latin\.jsonl: row 1 is not UTF-8 text"):
        load(Source(path=str(tmp_path / "latin.jsonl")))


def test_an_empty_path_is_no_path():
    with pytest.raises(SentError, match="'path': String should have at least 1 character, found ''"):
        parse(Source, {"path": ""}, "data.train")


def test_a_csv_row_with_too_many_values_is_named(tmp_path):
    (tmp_path / "q.csv").write_text("question,answer\na?,1\nb?,2,3\n")
    with pytest.raises(SentError, match=r"q\.csv: row 2 has more values than the header"):
        load(Source(path=str(tmp_path / "q.csv")))


def test_another_count_than_expected_is_an_error(tmp_path):
    path = write(tmp_path / "q.jsonl", [question("a?"), question("a?"), question("b?")])
    assert len(load(Source(path=path, rows=2)).questions) == 2
    with pytest.raises(SentError, match=r"found 2 questions in 3 rows, expected 3 \(`rows`\)"):
        load(Source(path=path, rows=3))


def test_nothing_left_is_an_error(tmp_path):
    path = write(tmp_path / "q.jsonl", [question("a?", "1"), question("a?", "2")])
    with pytest.raises(SentError, match="no question is left of 2 rows"):
        load(Source(path=path))


def test_hub_datasets_are_read_at_their_revision(monkeypatch):
    import datasets

    asked = {}

    def fake(repo, **options):
        asked.update(options, repo=repo)
        return datasets.Dataset.from_list([question("a?", [1.0, 2.0], id="x")])

    monkeypatch.setattr(datasets, "load_dataset", fake)
    hub = Hub(repo="owner/name", revision="abc", subset="s", split="test")
    assert load(Source(hub=hub)).questions[0]["answer"] == "1, 2"
    assert asked == {"repo": "owner/name", "name": "s", "split": "test", "revision": "abc"}


def test_a_hub_dataset_that_cannot_be_reached_is_one_clear_error(monkeypatch):
    import datasets

    def fake(repo, **options):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(datasets, "load_dataset", fake)
    with pytest.raises(
        SentError, match=r"hub dataset o/n \(split train, revision abc\): cannot be loaded: no route to"
    ):
        load(Source(hub=Hub(repo="o/n", revision="abc")))


def test_generated_questions_pass_through_the_same_checks():
    loaded = load(Source(generator=Generator(families=["chain"], count=20)))
    assert len({row["question_id"] for row in loaded.questions}) == 20
    assert loaded.questions[0]["group"].startswith("chain/")


def test_recorded_files_give_their_questions(tmp_path):
    path = write(tmp_path / "r.jsonl", [{"question": "a?", "gt": 3, "code": ["x"], "answer": "no"}])
    loaded = load_recorded(Recorded(path=path, fields={"answer": "gt", "responses": "code"}))
    assert [(row["question"], row["answer"]) for row in loaded.questions] == [("a?", "3")]

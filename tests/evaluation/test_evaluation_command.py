"""All benchmarks of one policy, sampled and graded."""

import json

import pytest
from sent import tables
from sent.__main__ import main

MODEL = json.dumps({"chat": False, "prompt": "{question}", "dtype": "float32"})


@pytest.fixture
def policy(boxing_policy):
    return boxing_policy


@pytest.fixture
def benchmarks(tmp_path):
    def write(name, rows):
        path = tmp_path / f"{name}.parquet"
        tables.write(path, tables.table(tables.QUESTIONS, rows), tables.QUESTIONS)
        return f"{name}={path}"

    return write


def evaluate(policy, output, *benchmarks, seed=0, **settings):
    settings = {"n": 4, "pass_at": [1], "decoding": {"max_new_tokens": 6}, **settings}
    options = {
        "policy": policy,
        "model": MODEL,
        "settings": json.dumps(settings),
        "seed": seed,
        "output": output,
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return main(["evaluation", *arguments, "--benchmarks", *benchmarks])


EASY = [{"question_id": "0", "question": "what is 2 + 2 ?", "answer": "4"}]
HARD = [
    {"question_id": "0", "question": "what is 3 + 3 ?", "answer": "6"},
    {"question_id": "1", "question": "what is 3 + 2 ?", "answer": "4.0"},
]


def test_greedy_answers_are_graded_against_their_own_benchmark(policy, benchmarks, tmp_path):
    output = tmp_path / "responses.parquet"
    given = benchmarks("easy", EASY), benchmarks("hard", HARD)
    decoding = {"temperature": 0, "max_new_tokens": 6}
    assert evaluate(policy, output, *given, n=2, decoding=decoding) == 0
    rows = tables.rows(output, tables.RESPONSES)
    assert [(r["benchmark"], r["question_id"], r["sample"], r["verdict"]) for r in rows] == [
        ("easy", "0", 0, "correct"),
        ("easy", "0", 1, "correct"),
        ("hard", "0", 0, "wrong"),
        ("hard", "0", 1, "wrong"),
        ("hard", "1", 0, "correct"),
        ("hard", "1", 1, "correct"),
    ]
    assert all(r["extracted"] == "4" and r["n_tokens"] == 2 and r["finish_reason"] == "stop" for r in rows)
    assert json.loads(tables.metadata(output)["evaluation"])["n"] == 2


def test_a_tolerance_counts_for_its_question_alone(policy, benchmarks, tmp_path):
    question, output = "what is 2 + 2 ?", tmp_path / "responses.parquet"
    rows = [
        {"question_id": name, "question": question, "answer": "4.2", "tolerance": tolerance}
        for name, tolerance in (("none", None), ("wide", 0.2), ("narrow", 0.1))
    ]
    decoding = {"temperature": 0, "max_new_tokens": 6}
    assert evaluate(policy, output, benchmarks("near", rows), n=1, decoding=decoding) == 0
    found = {row["question_id"]: row["verdict"] for row in tables.rows(output)}
    assert found == {"none": "wrong", "wide": "correct", "narrow": "wrong"}


def test_questions_without_a_tolerance_column_can_be_read(policy, benchmarks, tmp_path):
    given = benchmarks("easy", EASY)
    path = given.partition("=")[2]
    tables.write(path, tables.read(path).drop_columns(["tolerance", "group"]))
    with pytest.raises(tables.SentError, match=r"lacks the columns \['group'\]"):
        tables.read(path, tables.QUESTIONS)
    tables.write(path, tables.read(path).append_column("group", [["sums"]]))
    assert evaluate(policy, tmp_path / "responses.parquet", given) == 0


def test_a_question_s_responses_do_not_depend_on_its_company(policy, benchmarks, tmp_path):
    easy, hard = benchmarks("easy", EASY), benchmarks("hard", HARD)
    alone, both = tmp_path / "alone.parquet", tmp_path / "both.parquet"
    assert evaluate(policy, alone, hard, n=8) == 0
    assert evaluate(policy, both, easy, hard, n=8, batch_tokens=100) == 0
    assert tables.rows(both)[8:] == tables.rows(alone)
    # The same id in another benchmark draws other numbers
    texts = [row["text"] for row in tables.rows(both)]
    assert texts[:8] != texts[8:16]


def test_another_seed_draws_other_responses(policy, benchmarks, tmp_path):
    given = benchmarks("hard", HARD)
    for seed in (0, 1):
        assert evaluate(policy, tmp_path / f"{seed}.parquet", given, seed=seed, n=16) == 0
    first, second = ([r["text"] for r in tables.rows(tmp_path / f"{seed}.parquet")] for seed in (0, 1))
    assert first != second


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "benchmark 'b' has no questions"),
        ([{**EASY[0], "answer": None}], "row 1: question '0' of benchmark 'b' has no gold answer"),
        ([EASY[0], {**EASY[0], "answer": " "}], "row 2: the id '0' stands on an earlier row, too"),
    ],
)
def test_bad_benchmarks(policy, benchmarks, tmp_path, capsys, rows, message):
    assert evaluate(policy, tmp_path / "x.parquet", benchmarks("b", rows)) == 1
    assert message in capsys.readouterr().err


def test_bad_benchmark_arguments(policy, benchmarks, tmp_path, capsys):
    given = benchmarks("b", EASY)
    assert evaluate(policy, tmp_path / "x.parquet", given, given) == 1
    assert "'b' is given twice" in capsys.readouterr().err
    assert evaluate(policy, tmp_path / "x.parquet", "nothing") == 1
    assert "expected NAME=FILE, found 'nothing'" in capsys.readouterr().err


def test_k_beyond_n_is_a_warning(policy, benchmarks, tmp_path, caplog):
    with caplog.at_level("WARNING", logger="sent"):
        assert evaluate(policy, tmp_path / "x.parquet", benchmarks("b", EASY), n=2, pass_at=[1, 8, 16]) == 0
    assert "pass@8, @16 stays empty: only 2 responses a question" in caplog.text

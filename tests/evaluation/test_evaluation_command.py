"""All benchmarks of one policy, sampled and graded."""

import json
import shutil

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


def evaluate(policy, output, *benchmarks, seed=0, model=None, **settings):
    settings = {"n": 4, "pass_at": [1], "decoding": {"max_new_tokens": 6}, **settings}
    options = {
        "policy": policy,
        "model": json.dumps(json.loads(MODEL) | (model or {})),
        "settings": json.dumps(settings),
        "seed": seed,
        "output": output,
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return main(["evaluation", *arguments, "--benchmarks", *benchmarks])


def grade(responses, *benchmarks, **grading):
    verdicts = responses.with_name("verdicts.parquet")
    options = ["--samples", str(responses), "--settings", json.dumps(grading), "--output", str(verdicts)]
    assert main(["grading", *options, "--benchmarks", *benchmarks]) == 0
    return tables.rows(verdicts, tables.RESPONSE_VERDICTS)


@pytest.fixture
def drawn(monkeypatch):
    """How many responses each evaluation asked a sampler for; one that needs none makes no sampler."""
    from sent.sampling import responses

    counts, respond = [], responses.respond

    def counting(backend, tokenizer, requests, decoding):
        counts.append(len(requests))
        return respond(backend, tokenizer, requests, decoding)

    monkeypatch.setattr(responses, "respond", counting)
    return counts


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
    verdicts = grade(output, *given)
    assert [(r["benchmark"], r["question_id"], r["sample"], r["verdict"]) for r in verdicts] == [
        ("easy", "0", 0, "correct"),
        ("easy", "0", 1, "correct"),
        ("hard", "0", 0, "wrong"),
        ("hard", "0", 1, "wrong"),
        ("hard", "1", 0, "correct"),
        ("hard", "1", 1, "correct"),
    ]
    assert {r["extracted"] for r in verdicts} == {"4"}
    assert all(r["n_tokens"] == 2 and r["finish_reason"] == "stop" for r in rows)
    assert json.loads(tables.metadata(output)["evaluation"])["n"] == 2


def test_a_tolerance_counts_for_its_question_alone(policy, benchmarks, tmp_path):
    question, output = "what is 2 + 2 ?", tmp_path / "responses.parquet"
    rows = [
        {"question_id": name, "question": question, "answer": "4.2", "tolerance": tolerance}
        for name, tolerance in (("none", None), ("wide", 0.2), ("narrow", 0.1))
    ]
    decoding = {"temperature": 0, "max_new_tokens": 6}
    given = benchmarks("near", rows)
    assert evaluate(policy, output, given, n=1, decoding=decoding) == 0
    found = {row["question_id"]: row["verdict"] for row in grade(output, given)}
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


def test_one_more_benchmark_samples_that_benchmark_alone(policy, benchmarks, tmp_path, drawn):
    easy, hard = benchmarks("easy", EASY), benchmarks("hard", HARD)
    output, anew = tmp_path / "responses.parquet", tmp_path / "anew.parquet"
    for given in ([easy], [easy, hard], [hard, easy], [hard]):
        assert evaluate(policy, output, *given) == 0
    assert drawn == [4, 8]
    assert evaluate(policy, anew, hard) == 0
    assert tables.rows(output) == tables.rows(anew)


def test_more_responses_and_more_questions_keep_those_there_are(policy, benchmarks, tmp_path, drawn):
    output, anew = tmp_path / "responses.parquet", tmp_path / "anew.parquet"
    assert evaluate(policy, output, benchmarks("hard", HARD[:1])) == 0
    assert evaluate(policy, output, benchmarks("hard", HARD), n=6) == 0
    assert evaluate(policy, output, benchmarks("hard", HARD), n=3) == 0
    reworded = [HARD[0], {**HARD[1], "question": "what is 2 + 3 ?"}]
    assert evaluate(policy, output, benchmarks("hard", reworded), n=3) == 0
    assert drawn == [4, 8, 3]
    assert evaluate(policy, anew, benchmarks("hard", reworded), n=3) == 0
    assert tables.rows(output) == tables.rows(anew)


def test_another_way_to_grade_or_to_batch_samples_nothing(policy, benchmarks, tmp_path, drawn):
    output, given = tmp_path / "responses.parquet", benchmarks("hard", [{**HARD[1], "answer": "4.2"}])
    decoding = {"temperature": 0, "max_new_tokens": 6}
    for settings in ({}, {"batch_tokens": 64}, {"pass_at": [2]}, {"grading": {"absolute_tolerance": 0.3}}):
        assert evaluate(policy, output, given, decoding=decoding, **settings) == 0
    assert {row["verdict"] for row in grade(output, given)} == {"wrong"}
    assert {row["verdict"] for row in grade(output, given, absolute_tolerance=0.3)} == {"correct"}
    assert drawn == [4]


def test_another_policy_prompt_seed_decoding_or_code_samples_all_anew(
    policy, benchmarks, tmp_path, drawn, monkeypatch
):
    output, given, other = tmp_path / "responses.parquet", benchmarks("easy", EASY), tmp_path / "other"
    shutil.copytree(policy, other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"note": "another file"}))
    assert evaluate(policy, output, given) == 0
    for change in ({"seed": 1}, {"model": {"prompt": "so {question}"}}, {"decoding": {"max_new_tokens": 5}}):
        assert evaluate(policy, output, given, **change) == 0
    assert evaluate(other, output, given, decoding={"max_new_tokens": 5}) == 0
    monkeypatch.setattr("sent.evaluation.stored.code_version", lambda command, also: "edited")
    assert evaluate(other, output, given, decoding={"max_new_tokens": 5}) == 0
    assert drawn == [4] * 6
    output.write_text("damaged")
    assert evaluate(other, output, given) == 0
    assert drawn == [4] * 7


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

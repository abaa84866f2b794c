"""`sent grading`: the stage as the workflow calls it."""

import pytest
from sent import tables
from sent.__main__ import main

QUESTIONS = [
    {"question_id": "a", "question": "1+1?", "answer": "2"},
    {"question_id": "b", "question": "?", "answer": "1,3"},
]
SAMPLES = [
    {
        "question_id": "b",
        "sample": 0,
        "text": r"\boxed{3,1}",
        "finish_reason": "stop",
        "recorded_correct": True,
    },
    {
        "question_id": "a",
        "sample": 0,
        "text": r"\boxed{2.0}",
        "finish_reason": "stop",
        "recorded_correct": False,
    },
    {"question_id": "a", "sample": 1, "text": r"\boxed{3}", "finish_reason": "stop"},
    {"question_id": "a", "sample": 2, "text": "2", "finish_reason": "length"},
    {"question_id": "a", "sample": 3, "text": None, "finish_reason": "unknown"},
]


@pytest.fixture
def files(tmp_path):
    paths = {name: str(tmp_path / f"{name}.parquet") for name in ("questions", "samples", "verdicts")}
    tables.write(paths["questions"], tables.table(tables.QUESTIONS, QUESTIONS))
    tables.write(paths["samples"], tables.table(tables.SAMPLES, SAMPLES))
    return paths


def run(files, *options):
    return main(
        [
            "grading",
            "--questions",
            files["questions"],
            "--samples",
            files["samples"],
            "--output",
            files["verdicts"],
            *options,
        ]
    )


def test_one_verdict_a_sample_in_the_order_of_the_samples(files, caplog):
    with caplog.at_level("INFO", logger="sent"):
        assert run(files) == 0
    rows = tables.rows(files["verdicts"], tables.VERDICTS)
    assert [(r["question_id"], r["sample"]) for r in rows] == [
        (s["question_id"], s["sample"]) for s in SAMPLES
    ]
    assert [r["verdict"] for r in rows] == ["correct", "correct", "wrong", "truncated", "no_answer"]
    assert [r["extracted"] for r in rows] == ["3,1", "2.0", "3", None, None]
    assert [r["paper_match"] for r in rows] == [False, False, False, False, False]
    assert '"percent": "either"' in tables.metadata(files["verdicts"])["grading"]
    assert "1 of 2 verdicts equal the recorded ones" in caplog.text


def test_settings_reach_the_grader(files):
    assert run(files, "--settings", '{"order": "strict"}') == 0
    assert tables.rows(files["verdicts"])[0]["verdict"] == "wrong"


@pytest.mark.parametrize("rows", [0, 4])
def test_missing_samples_are_an_error_with_expected_and_found_numbers(files, rows, capsys):
    whole = [*SAMPLES, *({**SAMPLES[0], "sample": sample} for sample in (1, 2, 3))]
    settings = {"sampling": '{"n": 4}'}
    tables.write(files["samples"], tables.table(tables.SAMPLES, whole), metadata=settings)
    assert run(files) == 0
    tables.write(files["samples"], tables.table(tables.SAMPLES, whole[:rows]), metadata=settings)
    assert run(files) == 1
    problem = (
        "holds no response, expected some to 2 questions"
        if rows == 0
        else "expected 4 responses to each of 2 questions, 2 have another number: 'a' has 3"
    )
    assert f"{files['samples']}: {problem}" in capsys.readouterr().err


def test_a_sample_without_its_question_and_a_question_without_gold_are_errors(files, capsys):
    tables.write(files["samples"], tables.table(tables.SAMPLES, [{**SAMPLES[0], "question_id": "z"}]))
    assert run(files) == 1
    assert "a sample of question 'z'" in capsys.readouterr().err
    tables.write(files["questions"], tables.table(tables.QUESTIONS, [{**QUESTIONS[0], "answer": " "}]))
    assert run(files) == 1
    assert "without a gold answer, the first is 'a'" in capsys.readouterr().err


def test_a_response_to_a_benchmark_that_is_not_given_is_named(files, tmp_path, capsys):
    row = {
        "benchmark": "quiz",
        "question_id": "a",
        "sample": 0,
        "text": r"\boxed{2}",
        "finish_reason": "stop",
    }
    rows = [row, {**row, "question_id": "b"}]
    tables.write(files["samples"], tables.table(tables.RESPONSES, rows))
    options = ["--samples", files["samples"], "--output", files["verdicts"]]
    assert main(["grading", "--benchmarks", f"quiz={files['questions']}", *options]) == 0
    assert tables.rows(files["verdicts"], tables.RESPONSE_VERDICTS)[0]["verdict"] == "correct"
    assert main(["grading", "--benchmarks", f"other={files['questions']}", *options]) == 1
    assert (
        "a sample of question 'a', which the benchmark 'quiz' given by --benchmarks"
        in capsys.readouterr().err
    )

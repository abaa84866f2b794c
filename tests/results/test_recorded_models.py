"""Recorded responses of several models: side by side, compared to the first; two databases compared."""

import json

import duckdb
import pytest
from sent import tables
from sent.__main__ import main
from sent.experiment import read
from sent.results import database, leaderboard

RIGHT = {"ours": ["11", "10", "00"], "theirs": ["11", "11", "10"]}
"""Right (1) or wrong (0) for two responses to each of three questions."""


def build(folder, right, finish="stop"):
    root = folder / "pair"
    for model, patterns in right.items():
        keys = [
            (f"q{n}", sample, yes == "1") for n, row in enumerate(patterns) for sample, yes in enumerate(row)
        ]
        samples = [
            {"question_id": q, "sample": s, "text": "x", "finish_reason": finish, "prompt_hash": None}
            for q, s, _ in keys
        ]
        verdicts = [
            {"question_id": q, "sample": s, "extracted": "7" if yes else str(s), "paper_match": yes,
             "verdict": "correct" if yes else "wrong"}
            for q, s, yes in keys
        ]  # fmt: skip
        tables.write(root / f"samples/{model}.parquet", tables.table(tables.SAMPLES, samples), tables.SAMPLES)
        tables.write(
            root / f"verdicts/{model}.parquet", tables.table(tables.VERDICTS, verdicts), tables.VERDICTS
        )
    questions = [{"question_id": f"q{n}", "question": f"{n}?", "answer": "7"} for n in range(3)]
    tables.write(root / "data/train.parquet", tables.table(tables.QUESTIONS, questions), tables.QUESTIONS)
    paths = {model: str(folder) for model in right}
    experiment = {"experiment": "pair", "recorded": {"path": paths}, "evaluation": {"pass_at": [1, 2, 8]}}
    database.build(root, read(json.dumps(experiment)), root / "results.duckdb")
    return root / "results.duckdb"


def test_scores_and_differences_to_the_first_model(tmp_path):
    found = duckdb.connect(build(tmp_path, RIGHT), read_only=True)
    scores = "SELECT model, metric, value FROM scores WHERE benchmark = 'train' AND metric IN ('avg@2', 'pass@2') ORDER BY ALL"
    assert found.execute(scores).fetchall() == [
        ("ours", "avg@2", 0.5),
        ("ours", "pass@2", pytest.approx(2 / 3)),
        ("theirs", "avg@2", pytest.approx(5 / 6)),
        ("theirs", "pass@2", 1.0),
    ]
    paired = "SELECT DISTINCT model, baseline FROM paired_differences"
    assert found.execute(paired).fetchall() == [("theirs", "ours")]
    difference = "SELECT difference FROM paired_differences WHERE benchmark = 'train' AND metric = 'avg@2'"
    assert found.execute(difference).fetchall() == [(pytest.approx(1 / 3),)]


def test_the_leaderboard_names_the_model_that_others_are_compared_to(tmp_path):
    text = leaderboard.text(build(tmp_path, RIGHT))
    assert "avg@2 - ours" in text and "+33.3" in text
    assert "A star: differs from ours over questions (p < 0.05 after Holm's correction over models)." in text


def test_responses_that_were_cut_off_are_told(tmp_path, caplog):
    build(tmp_path, RIGHT, finish="length")
    assert "ours's samples: 100% of the responses were cut off" in caplog.text


def test_two_databases_question_by_question(tmp_path, capsys):
    one = build(tmp_path / "one", RIGHT)
    other = build(tmp_path / "other", {"ours": ["11", "11", "00"], "theirs": RIGHT["theirs"]})
    assert main(["results", "compare", str(one), str(other)]) == 0
    lines = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in capsys.readouterr().out.splitlines()
        if "recorded" in line
    ]
    ours, theirs = lines[0], lines[1]
    assert ours[:6] == ["ours", "recorded", "train", "3", "50.0", "66.7"]
    assert ours[6].startswith("+16.7 [") and ours[7:9] == ["1", "0"]
    assert theirs[4:] == ["83.3", "83.3", "+0.0 [+0.0, +0.0]", "0", "0", "1"]


def test_databases_with_nothing_in_common_are_refused(tmp_path, capsys):
    one, other = build(tmp_path / "one", RIGHT), build(tmp_path / "other", {"else": RIGHT["ours"]})
    assert main(["results", "compare", str(one), str(other)]) == 1
    assert "have no question that the same model and method answered in both" in capsys.readouterr().err

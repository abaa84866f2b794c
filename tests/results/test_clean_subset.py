"""Scores with and without benchmark questions that were trained on, and beside published figures."""

import csv
import json
import shutil

import duckdb
import pytest
from sent import tables
from sent.experiment import read
from sent.results import database, leaderboard, paper_tables, prose
from sent.results.experiment_data import ExperimentData


def build(root, experiment):
    database.build(root, read(json.dumps(experiment)), root / "results.duckdb")
    return duckdb.connect(root / "results.duckdb", read_only=True)


def test_clean_scores_leave_out_what_was_trained_on(toy, experiment):
    path = toy / "data/train.parquet"
    rows = tables.rows(path)
    rows[3] |= {"question": "Q0 of sums", "answer": "7"}
    tables.write(path, tables.table(tables.QUESTIONS, rows))
    with build(toy, experiment) as connection:
        assert connection.execute("FROM overlap").fetchall() == [("sums", "sums-0", "t3", 1.0)]
        where = "(model, method, benchmark, metric, subset) = ($1, $2, $3, $4, $5)"
        select = f"SELECT value, n_questions FROM scores WHERE {where}"
        assert connection.execute(select, ["small", "grpo", "sums", "avg@4", "all"]).fetchone() == (7 / 16, 4)
        value, questions = connection.execute(select, ["small", "grpo", "sums", "avg@4", "clean"]).fetchone()
        assert (value, questions) == (pytest.approx(5 / 12), 3)
        value, questions = connection.execute(
            select, ["small", "grpo", "average", "avg@4", "clean"]
        ).fetchone()
        assert (value, questions) == (pytest.approx((5 / 12 + 3 / 8) / 2), 5)
        rows = connection.execute("SELECT count(*) FROM leaderboard WHERE metric = 'avg@4'").fetchone()
        assert rows == (18,), "the leaderboard is about all questions"


def test_where_every_question_was_trained_on_nothing_is_clean(toy, experiment):
    for path in (toy / "data/train.parquet", *(toy / "data/benchmarks").glob("*.parquet")):
        rows = [row | {"question": "Q0 of sums"} for row in tables.rows(path)]
        tables.write(path, tables.table(tables.QUESTIONS, rows))
    with build(toy, experiment) as connection:
        asked = connection.execute("SELECT count(DISTINCT question_id) FROM overlap").fetchone()
        assert asked == (6,)
        assert connection.execute("SELECT DISTINCT subset FROM scores").fetchall() == [("all",)]
    paper_tables.write(toy / "results.duckdb", toy / "tables")


@pytest.fixture
def published(toy, experiment, write_evaluation, patterns):
    """The small experiment under the names of a published model and benchmark."""
    model = "deepseek-r1-distill-qwen-1.5b"
    experiment |= {
        "models": [model],
        "benchmarks": ["aime24"],
        "seeds": [0],
        "evaluation": {"n": 8, "pass_at": [1, 8]},
    }
    for stage in ("samples", "verdicts", "clusters", "semantic_entropy", "curriculum", "evaluation", "train"):
        shutil.rmtree(toy / stage)
    rows = [{"question_id": f"aime24-{i}", "question": f"Question {i}", "answer": "7"} for i in range(20)]
    tables.write(toy / "data/benchmarks/aime24.parquet", tables.table(tables.QUESTIONS, rows))
    write_evaluation(toy, model, "base", 0, {"aime24": ["11110000"] * 10 + ["00000000"] * 10})
    write_evaluation(toy, model, "grpo", 0, {"aime24": ["11110000"] * 8 + ["00000000"] * 12})
    return toy, experiment, model


def test_vs_published(published):
    toy, experiment, _ = published
    with build(toy, experiment) as connection:
        columns = "method, published, ours, difference, inside, settings"
        query = f"SELECT {columns} FROM vs_published WHERE metric = 'pass@8' ORDER BY method"
        rows = connection.execute(query).fetchall()
    # 1 - C(4, 8)/C(8, 8) is 1 where anything is right; the published figures are 40.00 for both.
    found = {row[0]: row[1:] for row in rows}
    assert found["base"][:2] == (0.4, 0.5) and found["grpo"][:2] == (0.4, 0.4)
    assert found["grpo"][2] == pytest.approx(0.0) and found["grpo"][3]
    assert found["sent"][:4] == (0.6333, None, None, None)  # published, and not run here
    assert len(found) == 9
    assert json.loads(found["base"][4])["n"] == 8


def test_a_base_model_that_is_off_is_told(published, caplog):
    toy, experiment, model = published
    with build(toy, experiment) as connection:
        # avg@8 is 10 * 4 / 8 of 20 questions = 0.25, published 0.287: near enough for 20 questions.
        assert connection.execute("SELECT ours, off FROM baseline_check").fetchall() == [(0.25, False)]
    path = toy / f"evaluation/{model}/base/seed0/verdicts.parquet"
    data = tables.rows(path)
    for row in data:
        row["verdict"] = "wrong"
    tables.write(path, tables.table(tables.RESPONSE_VERDICTS, data))
    with build(toy, experiment) as connection:
        assert connection.execute("SELECT ours, off FROM baseline_check").fetchall() == [(0.0, True)]
    told = "deepseek-r1-distill-qwen-1.5b on aime24: base model has avg@8 0.0%"
    assert told in caplog.text
    assert f"OFF: {told}" in leaderboard.text(toy / "results.duckdb")
    paper_tables.write(toy / "results.duckdb", toy / "tables")
    (row,) = csv.DictReader((toy / "tables/baseline_check.csv").open())
    assert (row["published"], row["ours"], row["verdict"]) == ("28.7", "0.0", "OFF")
    with duckdb.connect(toy / "results.duckdb", read_only=True) as connection:
        assert told in prose.abstract(ExperimentData(connection))


def test_published_figures_are_whole():
    rows = list(csv.DictReader(database.PUBLISHED.open()))
    tables_of_paper = [row for row in rows if row["source"].startswith("Table")]
    assert len(tables_of_paper) == 6 * 6 * 9
    assert len({(r["model"], r["benchmark"], r["metric"], r["method"]) for r in rows}) == len(rows)

"""The database of the small experiment in conftest.py: its values are worked out by hand."""

import json
import shutil
from hashlib import sha256
from math import log

import duckdb
import numpy as np
import pytest
from scipy.stats import ttest_1samp
from sent import tables
from sent.experiment import read
from sent.results import leaderboard
from sent.results.experiment_data import ExperimentData
from sent.results.queries import frame


@pytest.fixture
def connection(database):
    with duckdb.connect(database, read_only=True) as opened:
        yield opened


def value(connection, model, method, benchmark, metric, column="value", table="scores"):
    sql = f"SELECT {column} FROM {table} WHERE (model, method, benchmark, metric) = ($1, $2, $3, $4)"
    (row,) = connection.execute(sql, [model, method, benchmark, metric]).fetchall()
    return row[0]


@pytest.mark.parametrize(
    ("method", "benchmark", "metric", "expected"),
    [
        ("base", "sums", "avg@4", 4 / 16),
        ("base", "sums", "pass@1", 4 / 16),
        ("grpo", "sums", "pass@2", (5 / 6 + 0 + 1 + 5 / 6) / 4),
        ("sent", "sums", "pass@4", 1.0),
        ("base", "sums", "pass@8", None),
        ("base", "sums", "avg@8", None),
        ("base", "average", "pass@8", None),
        ("base", "sums", "avg@2", (1 + 0 + 2 + 1) / 8),
        # A tie goes to the first answer: right in 1000, wrong in 0100. $7.0$ and 7 are one answer.
        ("base", "sums", "maj@4", 2 / 4),
        ("base", "sums", "maj@2", 2 / 4),
        # The first of 0010 and of 1010 wins.
        ("grpo", "products", "maj@2", 1 / 2),
        # In 1010 the two right answers are one, in 0010 the first wrong one wins.
        ("grpo", "products", "maj@4", 1 / 2),
        ("grpo", "products", "maj@8", None),
        # String matches are right answers of odd number: one in the first block of questions 2 and 3.
        ("base", "sums", "paper_pass@2", (0 + 0 + 1 / 2 + 1 / 2) / 4),
        ("base", "sums", "paper_avg@4", (0 + 0 + 1 / 4 + 1 / 4) / 4),
        ("grpo", "average", "avg@4", (7 / 16 + 3 / 8) / 2),
        ("grpo", "sums", "truncated", 1 / 4),
        ("grpo", "sums", "no_answer", 0.0),
        ("grpo", "sums", "mean_tokens", 11.5),
    ],
)
def test_scores(connection, method, benchmark, metric, expected):
    assert value(connection, "small", method, benchmark, metric) == pytest.approx(expected)


def test_missing_values_are_null_not_nan(connection):
    for table in ("metrics", "scores", "paired_differences"):
        column = "difference" if table == "paired_differences" else "value"
        assert connection.execute(f"SELECT count(*) FROM {table} WHERE isnan({column})").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM metrics WHERE value IS NULL").fetchone()[0] > 0


def test_intervals_hold_the_value_and_stay_in_range(connection):
    rows = connection.execute("SELECT low, value, high FROM metrics WHERE value IS NOT NULL").fetchall()
    assert all(low <= middle + 1e-12 and middle <= high + 1e-12 for low, middle, high in rows)
    assert value(connection, "small", "sent", "sums", "pass@4", "low") == 1.0


def test_paired_differences(connection):
    def paired(benchmark, column):
        return value(connection, "small", "sent", benchmark, "avg@4", column, "paired_differences")

    assert paired("sums", "difference") == pytest.approx(3 / 16)
    assert paired("average", "difference") == pytest.approx((3 / 16 + 1 / 8) / 2)
    # Both trainings answered alike, so that the questions' t-test is left, of differences 2/4, 1/4, 0, 0 and 0, 1/4.
    assert paired("sums", "p") == pytest.approx(ttest_1samp([0.5, 0.25, 0, 0], 0).pvalue, rel=1e-6)
    assert paired("sums", "p_holm") == paired("sums", "p")
    assert paired("products", "p") == pytest.approx(0.5)
    assert paired("sums", "seeds") == 2
    assert connection.execute("SELECT count(*) FROM paired_differences WHERE method = 'grpo'").fetchone() == (
        0,
    )


def test_one_training_seed_has_an_interval_over_questions_and_no_verdict(connection, toy, experiment, build):
    query = "SELECT low, high, p, p_holm, seeds FROM paired_differences WHERE (model, method, benchmark, metric) = "
    of_base = query + "('small', 'base', 'average', 'avg@4')"
    low, high, *verdict = connection.execute(of_base).fetchone()
    assert low < high and verdict == [None, None, 1]  # base answered with seed 0 alone
    with build(toy, experiment | {"seeds": [0]}) as one:
        assert one.execute(
            "SELECT count(p), count(p_holm), max(seeds) FROM paired_differences"
        ).fetchone() == (0, 0, 1)
        text = leaderboard.text(toy / "results.duckdb")
    assert (
        "One seed: one training proves nothing about a method" in text
        and "docs/nano-study.md" in text
        and "*" not in text
    )


def test_a_star_needs_seeds_that_agree(toy, experiment, patterns, write_evaluation, build):
    experiment["seeds"] = [0, 1, 2]
    good = {name: ["1111"] * len(found["sent"]) for name, found in patterns.items()}
    poor = {name: ["1000"] * len(found["sent"]) for name, found in patterns.items()}
    for seed in experiment["seeds"]:
        write_evaluation(toy, "small", "grpo", seed, poor)
        write_evaluation(toy, "small", "sent", seed, good)
        write_evaluation(toy, "large", "grpo", seed, poor)
        write_evaluation(toy, "large", "sent", seed, poor if seed else good)
    build(toy, experiment).close()
    text = leaderboard.text(toy / "results.duckdb")
    rows = {
        model: next(r for r in text.splitlines() if model in r and "sent" in r)
        for model in ("small", "large")
    }
    assert "+75.0* [" in rows["small"] and "+25.0 [" in rows["large"]
    assert "A star: differs from grpo over training seeds and questions" in text


def test_answers_of_policies_are_counted_by_meaning(connection):
    query = (
        "SELECT n_answers, semantic_entropy FROM question_scores WHERE (model, method, seed, question_id) = "
    )
    # 1110 of grpo: three right answers in two forms, and a wrong one. 0000: four wrong ones.
    answers, entropy = connection.execute(query + "('small', 'grpo', 0, 'sums-2')").fetchone()
    assert (answers, entropy) == (2, pytest.approx(-(0.75 * log(0.75) + 0.25 * log(0.25))))
    answers, entropy = connection.execute(query + "('small', 'grpo', 0, 'sums-1')").fetchone()
    assert (answers, entropy) == (4, pytest.approx(log(4)))
    assert value(connection, "small", "grpo", "sums", "answers") == pytest.approx((3 + 4 + 2 + 3) / 4)


def test_seeds_are_averaged_and_their_spread_is_kept(toy, experiment, patterns, write_evaluation, build):
    write_evaluation(toy, "large", "sent", 1, {b: p["grpo"] for b, p in patterns.items()})
    with build(toy, experiment) as connection:
        assert value(connection, "large", "sent", "sums", "avg@4") == pytest.approx((10 / 16 + 7 / 16) / 2)
        assert value(connection, "large", "sent", "sums", "avg@4", "seeds") == 2
        assert value(connection, "large", "sent", "sums", "avg@4", "sd_training") == pytest.approx(
            3 / 16 / np.sqrt(2)
        )
        assert value(connection, "small", "base", "sums", "avg@4", "sd_training") is None
        # Variances c(n-c)/n^3 of the questions are 3/64, 0, 4/64, 3/64; this is that of their mean.
        spread = value(connection, "small", "base", "sums", "avg@4", "sd_evaluation")
        assert spread == pytest.approx(np.sqrt(10 / 64) / 4, rel=0.15)


def test_leaderboard_has_the_columns_people_rely_on(connection):
    result = connection.execute("SELECT * FROM leaderboard WHERE benchmark = 'average' AND metric = 'avg@4'")
    assert [column[0] for column in result.description] == ["model", "method", "benchmark", "metric", "value"]
    rows = result.fetchall()
    assert [row[:2] for row in rows[:3]] == [("small", "base"), ("small", "grpo"), ("small", "sent")]


@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_macro_and_python_agree(connection, k):
    where = "(model, method, benchmark, seed) = ('small', 'grpo', 'sums', 0)"
    sql = f"SELECT avg(pass_at_k(n, n_correct, $1)) FROM question_scores WHERE {where}"
    assert connection.execute(sql, [k]).fetchone()[0] == pytest.approx(
        value(connection, "small", "grpo", "sums", f"pass@{k}")
    )


def test_training_curves_run_through_the_stages(connection):
    where = "(model, method, seed) = ('small', $1, 1)"
    sql = f"SELECT total_step, stage, share_beta_high FROM train_metrics WHERE {where}"
    assert connection.execute(sql, ["sent"]).fetchall() == [
        (1, 1, 0.01), (2, 1, 0.01), (3, 1, 0.01), (4, 2, 0.01), (5, 2, 0.01), (6, 2, 0.01),
    ]  # fmt: skip
    assert {row[2] for row in connection.execute(sql, ["grpo"]).fetchall()} == {None}
    seconds = connection.execute(
        "SELECT DISTINCT seconds, tokens FROM train_runs WHERE method = 'grpo'"
    ).fetchall()
    assert seconds == [(6 * 3.5, 600)]


def test_models_jobs_and_artefacts(connection, finished):
    assert connection.execute("SELECT model, role, accuracy FROM models ORDER BY position").fetchall() == [
        ("small", "policy", None),
        ("large", "policy", None),
        ("tiny_nli", "entailment", 0.985),
    ]
    assert connection.execute("SELECT stage, job, seconds, max_rss_mb FROM jobs").fetchall() == [
        ("training", "small/grpo/seed0/stage1", 12.5, 345.6)
    ]
    assert connection.execute(
        "SELECT bytes, sha256, origin, revision, licence FROM artefacts WHERE path = 'models/small/model.safetensors'"
    ).fetchone() == (7, "a" * 64, "pretrained here", None, "Apache-2.0")
    train = finished / "data/train.parquet"
    assert connection.execute(
        "SELECT bytes, sha256, origin FROM artefacts WHERE path = 'data/train.parquet'"
    ).fetchone() == (train.stat().st_size, sha256(train.read_bytes()).hexdigest(), "hub dataset owner/train")
    hashed = connection.execute("SELECT count(*) FROM artefacts WHERE length(sha256) = 64").fetchone()
    assert hashed == (4 + 2 * 6 + 12 * 4 + 10 * 2 + 2,)


def test_questions_name_the_repository_that_they_come_from(toy, experiment, build):
    source = {"hub": {"repo": "owner/sums", "revision": "abc"}, "licence": "MIT"}
    experiment["registry"]["benchmarks"] = {
        "sums": {"source": source},
        "products": {"source": {"generator": {"families": ["x"]}}},
    }
    with build(toy, experiment) as connection:
        found = connection.execute(
            "SELECT origin, revision, licence FROM artefacts WHERE path LIKE 'data/benchmarks/%' ORDER BY path"
        ).fetchall()
    assert found == [("generated in this workflow", None, None), ("hub dataset owner/sums", "abc", "MIT")]


def test_trained_policies_are_artefacts(toy, experiment, build):
    summary = toy / "train/small/grpo/seed0/stage1/train.json"
    made = {"files": {"model.safetensors": {"bytes": 9, "sha256": "b" * 64}}}
    summary.write_text(json.dumps(json.loads(summary.read_text()) | made))
    with build(toy, experiment) as connection:
        found = connection.execute(
            "SELECT stage, bytes, sha256, origin FROM artefacts WHERE path LIKE '%/policy/model.safetensors'"
        ).fetchall()
    assert found == [("train", 9, "b" * 64, "trained in this workflow")]


def test_files_that_belong_to_no_job_are_not_read(toy, experiment, database, build):
    """What an earlier form of the experiment left: a method, a seed, a stage, an entailment model, a broken file."""
    for place in ("train/small/en", "train/small/sent/seed0/stage3"):
        shutil.copytree(
            toy / "train/small/sent/seed0/stage1", toy / place / ("" if "stage" in place else "stage1")
        )
    shutil.copytree(toy / "models/nli/tiny_nli", toy / "models/nli/older")
    (toy / "samples/older.parquet").write_text("not parquet")
    with (
        build(toy, experiment) as connection,
        duckdb.connect(database, read_only=True) as known,
    ):
        for table in ("train_runs", "artefacts", "models", "samples"):
            rows = connection.execute(f"FROM {table} ORDER BY ALL").fetchall()
            assert rows == known.execute(f"FROM {table} ORDER BY ALL").fetchall() and rows


def test_two_builds_have_the_same_rows_in_the_same_order(toy, experiment, build):
    dumps = []
    for _ in range(2):
        with build(toy, experiment) as connection:
            names = [
                row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
            ]
            dumps.append({name: connection.execute(f'FROM "{name}"').fetchall() for name in names})
    assert repr(dumps[0]) == repr(dumps[1])
    assert len(dumps[0]["metrics"]) > 100


def test_old_clients_can_open_it(connection):
    (tags,) = connection.execute(
        "SELECT tags FROM duckdb_databases() WHERE database_name = 'results'"
    ).fetchone()
    assert tags["storage_version"].startswith("v1.2.0")


def test_every_column_of_the_stages_arrives(connection):
    for name in ("samples", "verdicts", "clusters", "semantic_entropy", "curriculum", "responses"):
        columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
        assert set(getattr(tables, name.upper()).names) <= set(columns), name


def test_a_stage_that_has_not_run_leaves_its_tables_empty(tmp_path, experiment, build):
    root = tmp_path / "results/toy"
    root.mkdir(parents=True)
    with build(root, experiment) as connection:
        for name in (
            "samples",
            "train_metrics",
            "responses",
            "leaderboard",
            "entropy_curves",
            "paired_differences",
        ):
            assert connection.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,), name


def test_differences_are_to_every_baseline_and_the_first_one_s_stand_in_tables(toy, experiment, build):
    with build(toy, experiment | {"baselines": ["sent", "grpo"]}) as connection:
        query = (
            "SELECT method, baseline, baseline_position, difference, p, p_holm FROM paired_differences "
            "WHERE (model, benchmark, subset, metric) = ('small', 'average', 'all', 'avg@4') AND method <> 'base' ORDER BY 3"
        )
        (grpo, sent) = connection.execute(query).fetchall()
        assert (grpo[:3], sent[:3]) == (("grpo", "sent", 0), ("sent", "grpo", 1))
        assert sent[3] == pytest.approx((3 / 16 + 1 / 8) / 2) and grpo[3] == pytest.approx(-sent[3])
        assert grpo[4:] == pytest.approx(sent[4:])  # the untrained model's one seed has no p to correct for
        shown = "SELECT DISTINCT method, baseline FROM comparison WHERE difference IS NOT NULL ORDER BY ALL"
        assert connection.execute(shown).fetchall() == [("base", "sent"), ("grpo", "sent")]
        twice = "FROM comparison GROUP BY model, method, benchmark, metric HAVING count(*) > 1"
        assert connection.execute(f"SELECT model {twice}").fetchall() == []
        assert ExperimentData(connection).baseline == "sent"
        assert list(frame(connection, "table_differences")["baseline"].unique()) == ["sent", "grpo"]
    build(toy, experiment | {"baselines": ["kl_cov", "sent"]}).close()  # the first one that is run
    text = leaderboard.text(toy / "results.duckdb")
    assert "avg@4 - sent" in text and "A star: differs from sent" in text and "over methods)" in text


def test_without_the_baseline_there_are_no_differences(toy, experiment, build):
    with build(toy, experiment | {"methods": ["base", "sent"]}) as connection:
        assert connection.execute("SELECT count(*) FROM paired_differences").fetchone() == (0,)
        assert connection.execute("SELECT DISTINCT method FROM leaderboard ORDER BY ALL").fetchall() == [
            ("base",),
            ("sent",),
        ]
        assert value(connection, "small", "sent", "sums", "avg@4") == pytest.approx(10 / 16)


def test_metrics_say_how_many_responses_they_rest_on(connection):
    rows = connection.execute(
        "SELECT DISTINCT n_responses, n_questions, benchmark FROM metrics ORDER BY ALL"
    ).fetchall()
    assert rows == [(4, 2, "products"), (4, 4, "sums"), (4, 6, "average")]


def test_experiments_keep_their_order_and_labels(toy, experiment, build):
    own = experiment["registry"]
    own["models"]["large"] |= {"label": "Large", "scale": "1M"}
    own["models"]["tiny_nli"] |= {"label": "Tiny NLI"}
    own["methods"]["grpo"] = {"label": "GRPO"}
    for settings in (experiment, json.loads(read(json.dumps(experiment)).json())):
        with build(toy, settings) as connection:
            assert connection.execute("SELECT label, scale FROM models ORDER BY position").fetchall() == [
                ("small", None),
                ("Large", "1M"),
                ("Tiny NLI", None),
            ]
            assert connection.execute("SELECT label FROM methods ORDER BY position").fetchall() == [
                ("base",),
                ("GRPO",),
                ("sent",),
            ]


def test_a_probe_question_that_has_left_is_not_counted(toy, experiment, build):
    """A benchmark added later took it out of data/probe.parquet; training is not repeated for that."""
    path = toy / "data/probe.parquet"
    tables.write(path, tables.read(path, tables.QUESTIONS).slice(1), tables.QUESTIONS)
    with build(toy, experiment) as connection:
        found = connection.execute("SELECT DISTINCT question_id FROM probe").fetchall()
        assert found == [("p1",)]
        assert connection.execute("SELECT count(*) FROM overlap WHERE benchmark = 'probe'").fetchall() == [
            (0,)
        ]

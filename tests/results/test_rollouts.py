"""`sent rollouts`, and databases and figures of training that has not ended."""

import json
import shutil

import duckdb
import pytest
from sent import tables
from sent.__main__ import main
from sent.experiment import read
from sent.results import database, figures
from sent.training.step_log import StepLog

STAGE = "train/small/sent/seed0/stage2"


@pytest.fixture
def running(toy):
    """The experiment while the second stage of `sent` writes the metrics of its third step."""
    stage = toy / STAGE
    rows = tables.rows(stage / "metrics.parquet")
    kept = tables.rows(stage / "rollouts.parquet")
    log = StepLog(toy / "train/small/sent/seed0/stage2.checkpoints/key-code")
    log.start(0)
    for row in rows:
        log.append(
            {k: v for k, v in row.items() if k != "stage"}, [r for r in kept if r["step"] == row["step"]]
        )
    path = log.folder / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    shutil.rmtree(stage)
    return toy


def test_the_last_step_of_each_stage_is_shown_without_control_characters(running, capsys):
    assert main(["rollouts", str(running / "train/small/sent/seed0")]) == 0
    printed = capsys.readouterr().out
    shown = [line.partition("stage")[2] for line in printed.splitlines() if line.startswith(str(running))]
    assert shown == [
        "1, step 3, question t0, response 0: wrong, reward 0, advantage -0.50",
        "1, step 3, question t1, response 1: correct, reward 1, advantage +0.50",
        "2, step 3, question t0, response 0: wrong, reward 0, advantage -0.50",
        "2, step 3, question t1, response 1: correct, reward 1, advantage +0.50",
    ]
    assert (
        "  ? What is 0 + 0?\n  > <script>alert(3)</script> [31m so 0\n" in printed and "\x1b" not in printed
    )


@pytest.mark.parametrize(
    ("options", "count"),
    [(["--step", "1"], 2), (["--question", "t0"], 3), (["--question", "t0", "--step", "2"], 1)],
)
def test_rollouts_of_a_step_or_a_question(options, count, finished, capsys):
    assert main(["rollouts", str(finished / STAGE), *options]) == 0
    assert capsys.readouterr().out.count("stage2, step") == count


def test_where_nothing_was_kept(finished, tmp_path, capsys):
    assert main(["rollouts", str(tmp_path)]) == 1
    assert f"error: {tmp_path}: no rollouts there; training keeps them" in capsys.readouterr().err
    assert main(["rollouts", str(finished / STAGE), "--question", "t9", "--step", "2"]) == 1
    assert "no rollouts there of question 't9' and step 2" in capsys.readouterr().err


def test_the_curves_of_a_running_job_can_be_drawn(running, experiment):
    now = running / "now.duckdb"
    database.build(running, read(json.dumps(experiment)), now)
    with duckdb.connect(now, read_only=True) as connection:
        run = "model = 'small' AND method = 'sent' AND seed = 0"
        steps = connection.execute(
            f"SELECT stage, step, total_step, reward FROM train_metrics WHERE {run}"
        ).fetchall()
        assert [row[:3] for row in steps] == [(1, 1, 1), (1, 2, 2), (1, 3, 3), (2, 1, 4), (2, 2, 5)]
        assert steps[-1][3] == pytest.approx(0.2)
        kept = connection.execute(
            f"SELECT stage, max(total_step), count(*) FROM rollouts WHERE {run} GROUP BY 1 ORDER BY 1"
        )
        assert kept.fetchall() == [(1, 3, 6), (2, 5, 4)], "of whole steps alone"
    assert figures.draw(now)["training_curves"] is not None

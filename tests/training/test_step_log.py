"""What is kept of each step: metrics and a few rollouts, whole after any kill."""

import numpy as np
import pytest
from jobs import CoinGrader, arguments
from sent import tables
from sent.sampling.sampler import Completion
from sent.training import kept_rollouts, step_log
from sent.training.command import run
from sent.training.rollout import Group, TrainingQuestion
from sent.training.step_log import StepLog


def row(step: int) -> dict:
    return {"step": step, "reward": step / 10, "text": "é\nü"}


@pytest.fixture
def written(tmp_path) -> StepLog:
    """The log of a job that was killed while it wrote the third step's metrics."""
    log = StepLog(tmp_path / "key-code")
    log.start(0)
    for step in (1, 2, 3):
        log.append(row(step), [row(step), row(step)])
    path = log.folder / step_log.METRICS
    path.write_bytes(path.read_bytes()[:-9])
    return log


@pytest.mark.parametrize(("step", "left"), [(0, []), (1, [1]), (2, [1, 2]), (9, [1, 2])])
def test_it_goes_back_to_the_step_that_a_job_goes_on_from(written, step, left):
    assert [r["step"] for r in step_log.read(written.folder / step_log.METRICS)] == [1, 2], "half a line"
    written.start(step)
    written.append(row(7), [])
    assert step_log.read(written.folder / step_log.METRICS) == [row(k) for k in [*left, 7]]
    assert written.rollouts() == [row(k) for k in (1, 2, 3) if k <= step for _ in range(2)]


def test_work_that_goes_on_under_other_code_takes_its_log_along(written, tmp_path):
    log = StepLog(tmp_path / "key-other")
    log.start(1, written.folder)
    assert log.rollouts() == [row(1), row(1)]
    log.append(row(2), [])
    assert step_log.newest(tmp_path) == log.folder
    assert step_log.newest(tmp_path / "none") is None


@pytest.mark.parametrize(
    "damage", [b"", b"\xff\x80", b"[1]", b'{"reward": 1}', b'{"step": 2, "re', b"[" * 100_000]
)
def test_a_damaged_line_costs_itself_alone(written, damage, caplog):
    path = written.folder / step_log.ROLLOUTS
    first, _, third, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, damage + b"\n", third, *rest]))
    left = [row(k) for k in (1, 2, 2, 3, 3)]
    assert written.rollouts() == left
    written.start(3)
    assert f"{path}: 1 lines cannot be read" in caplog.text
    written.append(row(4), [row(4)])
    assert written.rollouts() == [*left, row(4)]


def group(place: int, question: str, size: int = 3) -> Group:
    """A group whose texts and advantages name its place and response."""
    completions = [Completion([1], [-1.0], "length" if i == 2 else "stop") for i in range(size)]
    texts = [f"{place}.{i}" for i in range(size)]
    advantages = np.arange(place * size, (place + 1) * size, dtype=np.float32)
    return Group(
        place,
        TrainingQuestion(question, "1", (1,)),
        completions,
        texts,
        [0.0] * size,
        ["wrong"] * size,
        advantages,
    )


def choose(groups, count=4, step=1, seed=0) -> list[dict]:
    return kept_rollouts.choose(groups, count, seed, 1, step)


def test_kept_rollouts_are_one_of_each_question_before_a_second():
    groups = [group(place, name) for place, name in enumerate("abcdefgh")]
    kept = choose(groups)
    assert len({r["question_id"] for r in kept}) == 4
    for r in kept:
        assert r["response"] == f"{r['sample'] // 3}.{r['sample'] % 3}" and r["advantage"] == r["sample"]
        assert r["truncated"] == (r["sample"] % 3 == 2)
    assert {r["question_id"] for r in choose(groups, step=2)} == {r["question_id"] for r in kept}
    assert {r["sample"] % 3 for step in range(9) for r in choose(groups, step=step)} == {0, 1, 2}
    assert {r["question_id"] for r in choose(groups, seed=1)} != {r["question_id"] for r in kept}
    assert len(choose(groups[:2], count=5)) == 5 and len(choose(groups[:1], count=9)) == 3
    assert choose(groups, count=0) == choose([]) == []


def test_kept_rollouts_do_not_depend_on_the_number_of_processes(monkeypatch):
    groups = [group(place, name) for place, name in enumerate("abcdefgh")]
    whole, shares = choose(groups), []
    monkeypatch.setattr(kept_rollouts, "gather_object", lambda own: shares.append(own) or own)
    for rank in range(3):
        choose(groups[rank::3])
    monkeypatch.setattr(kept_rollouts, "gather_object", lambda own: [x for share in shares for x in share])
    assert choose([]) == whole


def test_a_finished_job_holds_what_it_told_while_it_ran(inputs, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("sent.grading.grader.Grader", CoinGrader)
    args = arguments(inputs, tmp_path, steps=2, keep_checkpoints=True, keep_rollouts=3)
    with caplog.at_level("INFO", "sent"):
        run(args)
    assert "step 1 of 2: reward 0." in caplog.text and "about 0:00:00 left" in caplog.text
    folder = step_log.newest(tmp_path / "checkpoints")
    told = [{"stage": 1, **r} for r in step_log.read(folder / step_log.METRICS)]
    assert tables.rows(args.metrics) == told
    kept = tables.rows(args.rollouts, tables.ROLLOUTS)
    assert kept == step_log.read(folder / step_log.ROLLOUTS)
    assert [r["step"] for r in kept] == [1, 1, 1, 2, 2, 2]
    questions = {r["question_id"]: r["question"] for r in tables.rows(args.questions)}
    assert all(r["question"] == questions[r["question_id"]] for r in kept)
    assert all((r["reward"] == 1) == (r["verdict"] == "correct") for r in kept)

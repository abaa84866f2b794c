"""Wall-clock of a cluster: schedules worked out by hand, and what the jobs of experiments wait for."""

from pathlib import Path

import pytest
import yaml
from sent.errors import SentError
from sent.experiment import load
from sent.plan.jobs import Jobs, Workload
from sent.plan.schedule import Task, list_schedule, tasks_of
from sent.plan.sizes import GPUS


@pytest.mark.parametrize(
    ("gpus", "starts", "end"),
    [
        # One GPU: first the 6, on whose way the 2 lies, too; then 4, 3 and 2, by what is left of their ways.
        (1, [0, 13, 6, 10], 15),
        # Two: 6 and 4 at once; 3 follows the 4, 2 follows the 6.
        (2, [0, 6, 0, 4], 8),
        # Three: nothing waits for a GPU.
        (3, [0, 6, 0, 0], 8),
    ],
)
def test_jobs_of_one_gpu(gpus, starts, end):
    tasks = [Task(6, 1), Task(2, 1, (0,)), Task(4, 1), Task(3, 1)]
    found = list_schedule(tasks, gpus)
    assert (found.starts, found.end) == (starts, end)


def test_a_job_of_many_gpus_waits_for_them_and_smaller_ones_fill_the_rest():
    """Four GPUs. At 0: the chain of 10 (2 GPUs) and, of what is left, the 3 (2 GPUs), not the 5 (4 GPUs)."""
    tasks = [Task(10, 2), Task(5, 4), Task(3, 2)]
    found = list_schedule(tasks, 4)
    assert (found.starts, found.end) == ([0, 10, 0], 15)


def test_hundred_thousand_jobs_take_seconds():
    tasks = [Task(1, place % 3) for place in range(100_000)]
    assert list_schedule(tasks, 4).end == pytest.approx(25_000, rel=1e-3)


def test_jobs_without_gpus_wait_for_files_alone():
    tasks = [Task(5, 1), Task(4, 0, (0,)), Task(5, 1), Task(1, 1, (1,))]
    # 0 to 5, graded until 9; the other from 5 to 10; the last after both.
    assert list_schedule(tasks, 1).starts == [0, 5, 5, 10]
    assert list_schedule([Task(5), Task(5), Task(5)], 0).end == 5
    assert list_schedule([], 8).end == 0


def test_a_cluster_smaller_than_a_job_is_refused():
    with pytest.raises(SentError, match=r"--gpus 2: a job asks for 4 \(`resources\.gpus` of its model\)"):
        list_schedule([Task(1, 4)], 2)


def waits(tmp_path: Path, **changes) -> dict[str, set[str]]:
    """The jobs that each one waits for, by their names."""
    experiment = load(yaml.safe_load(Path("config/smoke.yaml").read_text()) | changes)
    jobs = list(Jobs(experiment, Workload(experiment, tmp_path, 1.0), GPUS["h100-80gb"]).all())
    names = [one.job.name for one in jobs]
    return {
        name: {names[i] for i in task.after}
        for name, task in zip(names, tasks_of(experiment, jobs), strict=True)
    }


def test_jobs_wait_for_what_their_rules_read(tmp_path):
    found = waits(tmp_path)
    train, evaluation = "training/nano-smoke/{}/seed0/stage{}", "evaluation/nano-smoke/{}/seed0/{}"
    policy, entropy = "models/nano-smoke", "semantic_entropy/nano-smoke"
    shards = {f"sampling/nano-smoke.{k}-of-2" for k in (1, 2)}
    assert found[policy] == set() and found["models/nli/nano-nli-smoke"] == set()
    assert {name: found[name] for name in shards} == {name: {policy} for name in shards}
    assert found["grading/nano-smoke"] == shards
    assert found[entropy] == {"grading/nano-smoke", "models/nli/nano-nli-smoke", *shards}
    assert found[train.format("grpo", 1)] == {policy}  # it follows no curriculum
    assert found[train.format("sent", 1)] == {policy, entropy}
    assert found[train.format("sent", 2)] == {train.format("sent", 1), entropy}
    assert found[evaluation.format("base", "sample")] == {policy}
    assert found[evaluation.format("sent", "sample")] == {train.format("sent", 2)}
    assert found[evaluation.format("sent", "grade")] == {evaluation.format("sent", "sample")}


def test_a_stage_that_is_sorted_anew_waits_for_the_samples_of_the_one_before(tmp_path):
    anew = {"curricula": {"semantic_entropy": {"n_stages": 2, "rescore": True}}}
    found = waits(tmp_path, registry=anew)
    before = "nano-smoke/sent/seed0/stage1"
    assert found["training/nano-smoke/sent/seed0/stage2"] == {
        f"training/{before}",
        f"semantic_entropy/{before}",
    }
    assert found[f"sampling/{before}.1-of-2"] == {f"training/{before}"}

"""Snakemake killed at random moments, and two of them in one folder."""

import os
import random
import signal
import time

import pytest
import whole_workflow as workflow

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(3000)]


def quick(lab) -> list:
    """Jobs that need no torch, and whose files make no others out of date: most of the time is Snakemake's own."""
    evaluated = [job for job in lab.jobs if job.stage == "grading" and "evaluation" in job.outputs[0]]
    assert len(evaluated) == 2
    return [*evaluated, lab.job("results database"), lab.job("results tables")]


@pytest.mark.parametrize("whole", [True, False], ids=["and its jobs", "alone"])
def test_snakemake_killed_at_random_moments(lab, record, trials, whole):
    fault = f"SIGKILL of Snakemake {'and its jobs' if whole else 'alone'}"
    drawn = random.Random(fault)
    for _ in range(2 * trials):
        paths = workflow.remove(lab, quick(lab))
        process = workflow.start(lab, *paths)
        workflow.wait_for_lock(lab, process)
        made = drawn.randrange(len(paths))
        while sum((lab.work / path).exists() for path in paths) < made and process.poll() is None:
            time.sleep(0.05)
        time.sleep(drawn.uniform(0, 1))
        if whole:
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        at_once = workflow.start(lab, *paths)
        said = workflow.end(at_once)
        workflow.end(process)  # jobs that it left behind end by themselves
        if at_once.returncode and "jobs of it still run" not in said:
            record(fault, "workflow, at once", said[-500:])
        again = workflow.start(lab, *paths)
        said = workflow.end(again)
        record(fault, "workflow", said[-500:] if again.returncode else workflow.lost(lab, paths))
    record.check()


def test_two_in_one_folder(lab, record):
    paths = workflow.remove(lab, quick(lab))
    first = workflow.start(lab, *paths)
    workflow.wait_for_lock(lab, first)
    second = workflow.start(lab, *paths)
    refusal, said = workflow.end(second), workflow.end(first)
    fine = second.returncode != 0 and "cannot be locked" in refusal and first.returncode == 0
    lost = workflow.lost(lab, paths) if fine else refusal[-300:] + said[-300:]
    record("two Snakemakes in one folder", "workflow", lost)
    record.check()

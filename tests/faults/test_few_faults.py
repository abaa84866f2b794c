"""A handful of the faults of `make test-faults`, quick enough for every run of the tests."""

import os
import signal

import pytest
import whole_workflow as workflow
from test_jobs_under_faults import DAMAGE

pytestmark = pytest.mark.slow


def test_a_killed_job_is_done_again(small_lab, record):
    job = small_lab.job("grading")
    for at in (1, job.events):
        small_lab.start(job)
        assert (
            small_lab.server.run(small_lab.work, job.argv, at=at, send=int(signal.SIGKILL))[0]
            == -signal.SIGKILL
        )
        record("SIGKILL of a job", job.stage, small_lab.wrong(job) or small_lab.repeated(job))
    record.check()


@pytest.mark.parametrize("stage", ["semantic-entropy", "curriculum"])
def test_a_truncated_table_is_named(small_lab, record, stage):
    job = small_lab.job(stage)
    small_lab.start(job)
    path = small_lab.work / next(path for path in job.inputs if path.endswith(".parquet"))
    DAMAGE["truncated"](path)
    status, _ = small_lab.server.run(small_lab.work, job.argv)
    record(
        "truncated table", stage, "it succeeded" if status == 0 else small_lab.refused(job, status, path.name)
    )
    record.check()


def test_a_killed_snakemake_goes_on(small_lab, record):
    paths = workflow.remove(small_lab, [small_lab.job("grading")])
    process = workflow.start(small_lab, paths[0])
    workflow.wait_for_lock(small_lab, process)
    os.killpg(process.pid, signal.SIGKILL)
    workflow.end(process)
    again = workflow.start(small_lab, paths[0])
    said = workflow.end(again)
    record(
        "SIGKILL of Snakemake",
        "workflow",
        said[-500:] if again.returncode else workflow.lost(small_lab, paths),
    )
    record.check()

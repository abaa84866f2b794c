"""Every job of a small run is killed, interrupted, denied the disk and fed damaged files. Nothing is lost.

Each ends in one clear error that names the file, or in the work done again: a repeated job leaves what an undisturbed
one leaves, nothing half-made stands under a final name, and leftovers of killed writers go.
"""

import os
import random
import shutil
import signal
import subprocess
from pathlib import Path

import kept_run
import pyarrow as pa
import pytest
from sent import tables

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(3000)]

ENDED = {signal.SIGKILL: (-9,), signal.SIGTERM: (-15, 143), signal.SIGINT: (130,)}
"""Status of a job that a signal ended; 143: training saved its state before."""


@pytest.mark.parametrize("send", ENDED, ids=lambda s: s.name)
def test_a_killed_job_leaves_nothing_half_made_and_is_done_again(lab, record, trials, send):
    fault = f"{send.name} of the job"
    for job in lab.one_of_each:
        drawn = random.Random(f"{fault} {job.name}")
        moments = [job.events, *(drawn.randint(1, job.events) for _ in range(trials - 1))]
        for at in moments:
            lab.start(job)
            status, _ = lab.server.run(lab.work, job.argv, at=at, send=int(send))
            said = lab.server.said()
            ended = status in ENDED[send] and "Traceback" not in said
            lost = lab.wrong(job) if ended else f"status {status}: {said[-300:]}"
            record(fault, job.stage, lost or lab.repeated(job))
    record.check()


def test_a_clock_that_goes_back_changes_nothing(lab, record):
    for job in lab.one_of_each:
        lab.start(job)
        status, _ = lab.server.run(lab.work, job.argv, clock="backwards")
        record("clock goes back", job.stage, f"status {status}" if status else lab.wrong(job))
    record.check()


@pytest.fixture
def small_disk(lab, tmp_path):
    """The disturbed run on a disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)], capture_output=True
    ).returncode:
        pytest.skip("no file system can be mounted here")
    shutil.copytree(lab.work, place / "work")
    before, lab.work = lab.work, place / "work"
    yield place
    lab.work = before
    subprocess.run(["umount", str(place)], check=True)


def fill(place: Path, left: int) -> None:
    """Leave ``left`` bytes of a disk."""
    free = os.statvfs(place)
    with (place / "filler").open("wb") as file:
        file.write(bytes(max(0, free.f_bavail * free.f_frsize - left)))


def test_a_full_disk_is_one_error_and_the_job_is_done_again(lab, record, small_disk):
    for job in lab.one_of_each:
        lab.start(job)
        fill(small_disk, 8192)
        status, _ = lab.server.run(lab.work, job.argv)
        (small_disk / "filler").unlink()
        lost = lab.refused(job, status, "")
        record("full disk", job.stage, lost or lab.repeated(job))
    record.check()


def test_read_only_results_are_one_error(lab, record, small_disk):
    for job in lab.one_of_each:
        lab.start(job)
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        status, _ = lab.server.run(lab.work, job.argv)
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
        record(
            "read-only results", job.stage, "it succeeded" if status == 0 else lab.refused(job, status, "")
        )
    record.check()


def other_schema(path: Path) -> None:
    if path.suffix == ".parquet":
        tables.write(path, pa.table({"other": [1, 2]}))
    else:
        path.write_text('{"other": 1}')


def of_another_experiment(path: Path) -> None:
    data = tables.read(path)
    ids = pa.array([f"other {text}" for text in data["question_id"].to_pylist()])
    facts = tables.metadata(path)
    tables.write(
        path, data.set_column(data.schema.get_field_index("question_id"), "question_id", ids), metadata=facts
    )


DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "emptied": lambda path: path.write_bytes(b""),
    "random bytes": lambda path: path.write_bytes(random.Random(0).randbytes(999)),
    "other schema": other_schema,
}
BEFORE = {
    "grading": ["--samples"],
    "semantic-entropy": ["--samples", "--verdicts"],
    "train": ["--curriculum"],
}
"""The inputs that a command can tell to be of other questions than its others."""


def files(job: kept_run.Job, work: Path) -> list[Path]:
    """The tables and weights that a job reads."""
    found = []
    for path in job.inputs:
        whole = work / path
        names = whole.rglob("*") if whole.is_dir() else [whole]
        found += [name for name in names if name.suffix in (".parquet", ".safetensors", ".duckdb")]
    return sorted(found)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named(lab, record, trials, damage):
    for job in lab.one_of_each:
        lab.start(job)
        there = files(job, lab.work)
        for path in random.Random(f"{damage} {job.name}").sample(there, min(len(there), 2 * trials)):
            lab.start(job)
            DAMAGE[damage](path)
            status, _ = lab.server.run(lab.work, job.argv)
            record(f"input {damage}", job.stage, lab.refused(job, status, path.name))
    record.check()


def test_a_file_of_another_experiment_is_refused(lab, record):
    for job in lab.jobs:
        for option in BEFORE.get(job.stage, []):
            if option not in job.argv:
                continue
            lab.start(job)
            path = lab.work / job.argv[job.argv.index(option) + 1]
            of_another_experiment(path)
            status, _ = lab.server.run(lab.work, job.argv)
            lost = "it succeeded" if status == 0 else lab.refused(job, status, path.name)
            record("input of another experiment", job.stage, lost)
    record.check()

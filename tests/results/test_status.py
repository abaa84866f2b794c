"""`sent status`: states of jobs from the files that a run leaves."""

import contextlib
import json
import os
import platform
import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from sent import tables
from sent.__main__ import main
from sent.errors import SentError
from sent.experiment import load
from sent.paths import Job, State, jobs
from sent.results import snakemake_run, status, status_command
from sent.results.snakemake_run import SnakemakeRun

REPOSITORY = Path(__file__).resolve().parents[2]

JOB = Job("train", {"model": "small", "method": "grpo", "seed": 0, "stage": 1})
HEAD = """Assuming unrestricted shared filesystem usage.

SNAKEMAKE
=========
  Date: 2026-11-24 07:38:38
  Host: {host}
  Command: snakemake --cores 2 --configfile smoke.yaml
  Config file(s): [{config}]

Building DAG of jobs...
Select jobs to execute...
Execute 2 jobs...
"""
FAILURE = """[Tue Nov 24 07:59:35 2026]
Error in rule train:
    message: Training small
    jobid: 7
    output: x.parquet
    log: results/toy/{log} (check log file(s) for error details)
    shell:
        python -m sent train > results/toy/{log} 2>&1
        (command exited with non-zero exit code)
"""
AT_WORK, STOPPED = SnakemakeRun(at_work=True, locked=True), SnakemakeRun()


def state(root, run=AT_WORK):
    (found,) = status.look(root, [JOB], run, root.parents[1])
    return found


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def snakemake_left(
    folder: Path, text: str = "", host: str = "elsewhere", config: str = "", when: str = "2026-11-24T073838"
) -> None:
    """Write Snakemake's lock and log into a folder."""
    write(folder / ".snakemake/locks/0.output.lock", "x")
    write(
        folder / f".snakemake/log/{when}.389961.snakemake.log", HEAD.format(host=host, config=config) + text
    )


@pytest.fixture
def root(tmp_path):
    """The folder results/toy."""
    return tmp_path / "results/toy"


def test_states(root):
    root.mkdir(parents=True)
    assert state(root).state == "waiting"
    write(
        root / JOB.log,
        "10:00:00 INFO start\ntraining:  5%| 6/120\rtraining: 12%|█▏   | 14/120 [00:30<03:50, reward=0.31]",
    )
    running = state(root)
    assert running.state == "running"
    assert running.tail[-1] == "training: 12%|█▏   | 14/120 [00:30<03:50, reward=0.31]", (
        "only the latest state of a bar"
    )
    assert status.progress_of(running.tail) == "training: 12% 14/120 [00:30<03:50, reward=0.31]"
    assert state(root, STOPPED).state == "interrupted"
    write(root / JOB.log, "start\nerror: loss is NaN at step 3\n")
    failed = state(root)
    assert (failed.state, failed.tail[-1]) == ("failed", "error: loss is NaN at step 3")
    for number, path in enumerate(JOB.outputs.values()):
        write(root / path, "x")
        assert state(root).state == ("done" if number == len(JOB.outputs) - 1 else "failed"), (
            "all of its outputs, or none"
        )


def test_what_tells_of_progress():
    assert (
        status.progress_of(["training: 12%|#  | 1/8 [00:01<00:07]", "a warning"])
        == "training: 12% 1/8 [00:01<00:07]"
    )
    assert (
        status.progress_of(["Loading weights: 100%|##| 24/24", "sampling: 50%|# | 1/2"])
        == "sampling: 50% 1/2"
    )
    assert status.progress_of(["10:00:00 INFO start"]) == "10:00:00 INFO start"
    assert status.progress_of([]) == "no output yet"


def test_a_traceback_is_a_failure(root):
    write(root / JOB.log, 'Traceback (most recent call last):\n  File "x.py", line 1\nKeyError: 1\n')
    assert state(root).state == "failed"


def test_a_killed_job_says_nothing_but_snakemake_does(root, tmp_path):
    write(root / JOB.log, "training: 12%|#  | 14/120 [00:30<03:50]")
    snakemake_left(tmp_path, FAILURE.format(log=JOB.log))
    run = snakemake_run.newest(tmp_path)
    assert run.at_work, "a run on another machine is believed to go on while its lock is there"
    assert state(root, run).state == "failed"
    snakemake_left(tmp_path, FAILURE.format(log=JOB.log) + "Trying to restart job 7.\n")
    assert state(root, snakemake_run.newest(tmp_path)).state == "running", "it was started again"


def test_a_log_of_an_earlier_run_is_not_a_running_job(root, tmp_path):
    write(root / JOB.log, "error: killed in the last run\n")
    os.utime(root / JOB.log, (1e9, 1e9))
    snakemake_left(tmp_path)
    assert state(root, snakemake_run.newest(tmp_path)).state == "waiting"


def test_a_lock_without_its_snakemake(tmp_path):
    snakemake_left(tmp_path, host=platform.node())
    run = snakemake_run.newest(tmp_path)
    assert (run.at_work, run.locked) == (False, True)
    assert snakemake_run.newest(tmp_path / "nowhere") == SnakemakeRun()


@pytest.mark.parametrize(
    ("host", "left"), [(platform.node(), 0), ("elsewhere", 1)], ids=["here", "elsewhere"]
)
def test_only_the_lock_of_a_snakemake_that_was_killed_here_is_removed(host, left, tmp_path):
    snakemake_left(tmp_path, host=host)
    snakemake_run.unlock(tmp_path)
    assert len(list((tmp_path / ".snakemake/locks").iterdir())) == left


@pytest.mark.parametrize(
    "words",
    [["snakemake", "--cores", "1"], ["-m", "sent", "grading", "--output", "x"]],
    ids=["itself", "a job"],
)
def test_a_lock_stays_while_anything_is_at_work(words, tmp_path):
    snakemake_left(tmp_path, host=platform.node())
    sleeps = "import time; time.sleep(60)"
    (tmp_path / "sent.py").write_text(sleeps)
    (tmp_path / "snakemake").write_text(sleeps)
    process = subprocess.Popen([sys.executable, *words], cwd=tmp_path, env={**os.environ, "PYTHONPATH": "."})
    try:
        refused = pytest.raises(
            SentError, match=rf"jobs of it still run: processes {process.pid} \(grading\)"
        )
        with refused if "grading" in words else contextlib.nullcontext():
            snakemake_run.unlock(tmp_path)
        assert len(list((tmp_path / ".snakemake/locks").iterdir())) == 1
    finally:
        process.kill()
        process.wait()


def test_dry_runs_are_not_the_newest_run(tmp_path):
    snakemake_left(tmp_path, config="PosixPath('/a/smoke.yaml')")
    write(tmp_path / ".snakemake/log/2026-11-25T000000.1.snakemake.log", "Building DAG of jobs...\n")
    assert snakemake_run.newest(tmp_path).config_files == (Path("/a/smoke.yaml"),)


def test_logs_of_shards_count(root):
    later = State("small", "sent", 0, 1)
    sampled = [Job("gather_samples", {"state": state}) for state in (State("small"), later)]
    write(root / "logs/sampling/small.2-of-4.log", "sampling: 50%")
    write(root / "logs/sampling/small/sent/seed0/stage1.1-of-4.log", "sampling: 50%")
    assert [s.state for s in status.look(root, sampled, AT_WORK, root)] == ["running", "running"]


def test_stages_sorted_anew_have_jobs():
    config = yaml.safe_load((REPOSITORY / "config/smoke.yaml").read_text()) | {
        "registry": {"curricula": {"semantic_entropy": {"rescore": True}}}
    }
    sorting = [job for job in jobs(load(config)) if job.rule == "sort_questions"]
    assert [job.outputs["curriculum"] for job in sorting] == [
        "curriculum/nano-smoke/semantic_entropy.parquet",
        "curriculum/nano-smoke/sent/seed0/stage1/semantic_entropy.parquet",
    ]


def test_without_a_name_it_is_the_experiment_of_the_newest_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    snakemake_left(tmp_path, host=platform.node(), config=f"PosixPath('{REPOSITORY / 'config/smoke.yaml'}')")
    write(tmp_path / "results/smoke/logs/models/nano-smoke.log", "")
    assert main(["status"]) == 0
    printed = capsys.readouterr().out
    assert "smoke: 0 of 23 jobs done; Snakemake is not running\nA killed Snakemake left its lock" in printed
    assert "models/nano-smoke interrupted; the end of logs/models/nano-smoke.log:\n    (empty" in printed


def test_the_embedded_experiment(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "results/nano/data/train.parquet", "x")
    write(tmp_path / "results/nano/data/dropped.tsv", "x")
    write(tmp_path / "results/nano/data/held_out.parquet", "x")
    write(tmp_path / "results/nano/logs/models/nano-small.log", "error: no space left\n")
    assert main(["status", "--configfile", str(REPOSITORY / "config/config.yaml")]) == 0
    printed = capsys.readouterr().out
    assert "nano: 1 of 61 jobs done; Snakemake is not running" in printed
    assert (
        "models/nano-small failed; the end of logs/models/nano-small.log:\n    error: no space left"
        in printed
    )


def test_a_missing_experiment_file_is_named(tmp_path, capsys):
    assert main(["status", "--configfile", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml: no such file" in capsys.readouterr().err


def test_an_experiment_with_entries_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = yaml.safe_load((REPOSITORY / "config/smoke.yaml").read_text())
    own = {"methods": {"mine": {"curriculum": "semantic_entropy"}}}
    write(tmp_path / "mine.yaml", yaml.safe_dump(config | {"methods": ["mine"], "registry": own}))
    assert main(["status", "--configfile", "mine.yaml"]) == 0
    assert "smoke: 0 of 18 jobs done" in capsys.readouterr().out


def test_watching_prints_once_where_there_is_no_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["status", "--watch", "--configfile", str(REPOSITORY / "config/smoke.yaml")]) == 0
    assert capsys.readouterr().out.count("jobs done") == 1


def test_watching_shows_what_has_changed_until_it_is_interrupted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 2:
            raise KeyboardInterrupt
        for name in ("train.parquet", "dropped.tsv", "held_out.parquet"):
            write(tmp_path / f"results/smoke/data/{name}", "x")

    monkeypatch.setattr(status_command.time, "sleep", sleep)
    assert main(["status", "--watch", "2.5", "--configfile", str(REPOSITORY / "config/smoke.yaml")]) == 0
    _, first, second = capsys.readouterr().out.split("\x1b[H\x1b[2J")
    assert slept == [2.5, 2.5]
    assert first.startswith("smoke: 0 of 23") and second.startswith("smoke: 1 of 23")


@pytest.mark.parametrize("seconds", ["0", "nan", "soon"])
def test_watching_without_a_pause_is_refused(seconds, capsys):
    with pytest.raises(SystemExit):
        main(["status", "--watch", seconds])
    assert "--watch" in capsys.readouterr().err


STAGE = "train/nano-smoke/grpo/seed0/stage1"
STEPS = "".join(json.dumps({"step": step, "reward": 0.5}) + "\n" for step in (1, 2, 3)).encode()
FACTS = json.dumps({"step": 2, "files": {}}).encode()
REPORTED = {
    "data/train.parquet": (None, "no whole Parquet file; remove it"),
    f"{STAGE}/policy/provenance.json": (
        FACTS,
        f"no JSON of keys and values; remove results/smoke/{STAGE}/policy",
    ),
    f"{STAGE}/train.json": (FACTS, "no JSON of keys and values; remove it"),
    f"{STAGE}.checkpoints/k-c/step000002/state.json": (
        FACTS,
        "no JSON of keys and values; training goes on from the checkpoint before",
    ),
    f"{STAGE}.checkpoints/k-c/metrics.jsonl": (STEPS, "1 damaged lines, which are passed over"),
}
DAMAGES = {
    "empty": lambda content: b"",
    "cut off": lambda content: content[: len(content) // 2],
    "random": lambda content: b"\xff" + random.Random(0).randbytes(len(content)).replace(b"\n", b"\0"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", REPORTED)
def test_a_damaged_file_is_named_and_the_rest_is_told(name, damage, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = str(REPOSITORY / "config/smoke.yaml")
    for other, (content, _) in REPORTED.items():
        write(Path("results/smoke", other), "")
        Path("results/smoke", other).write_bytes(content or b"")
    questions = [{"question_id": f"q{i}", "question": "1+1?", "answer": "2"} for i in range(9)]
    tables.write("results/smoke/data/train.parquet", tables.table(tables.QUESTIONS, questions))
    assert main(["status", "--configfile", config]) == 0
    assert "cannot be read" not in capsys.readouterr().out
    file = Path("results/smoke", name)
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert main(["status", "--configfile", config]) == 0
    printed = capsys.readouterr()
    said = [line for line in printed.out.splitlines() if "cannot be read" in line]
    # A running job has just begun this one, or is writing its last line.
    fine = name.endswith("jsonl") and damage != "random"
    assert said == [] if fine else said[0].startswith(f"{file} cannot be read: {REPORTED[name][1]}")
    assert len(said) <= 1 and "smoke: 0 of 23 jobs done" in printed.out and "Traceback" not in printed.err


def test_a_log_that_is_none_is_said_to_be_and_one_of_bytes_moves_no_cursor(root):
    (root / JOB.log).mkdir(parents=True)
    (line,) = state(root).tail
    assert line.endswith(f"{JOB.log} cannot be read: Is a directory)")
    (root / JOB.log).rmdir()
    (root / JOB.log).write_bytes(b"\x1b[2J\x00\xff half\n")
    assert state(root).tail == [" [2J \N{REPLACEMENT CHARACTER} half"]

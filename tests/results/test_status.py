"""`sent status`: states of jobs from the files that a run leaves."""

from pathlib import Path

import pytest
from sent.__main__ import main
from sent.results import status

JOB = status.Job("training", "small/grpo/seed0/stage1", "train/small/grpo/seed0/stage1/metrics.parquet")


def state(root, is_running=True):
    (found,) = status.look(root, [JOB], is_running)
    return found


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_states(tmp_path):
    assert state(tmp_path).state == "waiting"
    write(
        tmp_path / JOB.log,
        "10:00:00 INFO start\ntraining:  5%| 6/120\rtraining: 12%| 14/120 [00:30<03:50, reward=0.31]",
    )
    running = state(tmp_path)
    assert running.state == "running"
    assert running.tail[-1] == "training: 12%| 14/120 [00:30<03:50, reward=0.31]", (
        "only the latest state of a bar"
    )
    assert state(tmp_path, is_running=False).state == "interrupted"
    write(tmp_path / JOB.log, "start\nerror: loss is NaN at step 3\n")
    failed = state(tmp_path)
    assert (failed.state, failed.tail[-1]) == ("failed", "error: loss is NaN at step 3")
    write(tmp_path / JOB.output, "x")
    assert state(tmp_path).state == "done"


def test_a_traceback_is_a_failure(tmp_path):
    write(tmp_path / JOB.log, 'Traceback (most recent call last):\n  File "x.py", line 1\nKeyError: 1\n')
    assert state(tmp_path).state == "failed"


def test_logs_of_shards_count(tmp_path):
    job = status.Job("sampling", "small", "samples/small.parquet")
    write(tmp_path / "logs/sampling/small.2-of-4.log", "sampling: 50%")
    assert status.look(tmp_path, [job], True)[0].state == "running"


def test_the_embedded_experiment(tmp_path, monkeypatch, capsys):
    repository = Path(__file__).resolve().parents[2]
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "results/nano/data/train.parquet", "x")
    write(tmp_path / "results/nano/logs/models/nano-small.log", "error: no space left\n")
    assert main(["status", "--configfile", str(repository / "config/config.yaml")]) == 0
    printed = capsys.readouterr().out
    assert "nano: 1 of 45 jobs done; Snakemake is not running" in printed
    assert (
        "models nano-small failed; the end of logs/models/nano-small.log:\n    error: no space left"
        in printed
    )


def test_a_missing_experiment_file_is_named(tmp_path, capsys):
    assert main(["status", "--configfile", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml: no such file" in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["data", "training", "evaluation", "results"])
def test_jobs_have_the_paths_of_the_rules(stage):
    from sent.experiment import load

    repository = Path(__file__).resolve().parents[2]
    import yaml

    config = yaml.safe_load((repository / "config/config.yaml").read_text())
    planned = [job for job in status.jobs(load(config, repository / "config")) if job.stage == stage]
    rules = (repository / f"rules/{stage}.smk").read_text()
    assert planned
    for job in planned:
        assert any(_matches(rules, job, kind) for kind in ("output", "log")), job


def _matches(rules: str, job: status.Job, kind: str) -> bool:
    """Whether a literal path of the rule file, its wildcards taken as anything, is the job's."""
    import re

    path = job.log if kind == "log" else job.output
    literals = re.findall(r'"results/\{experiment\}/([^"]+)"', rules)
    return any(re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(text)), path) for text in literals)

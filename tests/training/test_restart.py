"""A killed training job, run again, ends with the very bits of one that was never killed."""

import argparse
import contextlib
import json
import os
import signal
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sent import tables
from sent.config import Generator
from sent.data.arithmetic import generate
from sent.grading import grader
from sent.grading.grader import Grade
from sent.training import checkpoint, loop, stage, update
from tiny import save_embedded

METHODS_FILE = Path(__file__).parents[2] / "config" / "methods.yaml"
STEPS = 5
SETTINGS = {
    "prompts_per_step": 4, "responses_per_prompt": 2, "minibatch_prompts": 2, "steps": STEPS, "lr": 0.01,
    "decoding": {"max_new_tokens": 6}, "checkpoint_every": 2,
}  # fmt: skip
TIMED = ("seconds", "tokens_per_second", "memory_mb")
EVENTS = [
    (loop, "collect_step"),
    (update.Updater, "score"),
    (update.Updater, "update"),
    (checkpoint.shutil, "rmtree"),
    (checkpoint.os, "replace"),
    (checkpoint, "_sync"),
    (stage, "save_policy"),
    (stage.tables, "write"),
]
"""Places where a job may be killed: just before each call of these."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    save_embedded(folder / "model")
    questions = generate(Generator(families=["chain"], levels=[1], count=10))
    tables.write(folder / "questions.parquet", tables.table(tables.QUESTIONS, questions))
    return folder


def arguments(inputs: Path, output: Path, **settings) -> argparse.Namespace:
    """Return the command line of a job that writes to ``output``."""
    return argparse.Namespace(
        policy=str(inputs / "model"), reference=str(inputs / "model"), questions=str(inputs / "questions.parquet"),
        curriculum=None, stage=1, stages=1, method='{"reference_kl": 0.01}', method_name="grpo", seed=0,
        model='{"prompt": "{question}\\n", "chat": false, "dtype": "float32"}', grading="{}",
        settings=json.dumps(SETTINGS | settings), output=str(output / "policy"),
        metrics=str(output / "metrics.parquet"), summary=str(output / "train.json"), checkpoints=str(output / "checkpoints"),
    )  # fmt: skip


class CoinGrader:
    """Grades by a checksum of the text, so that an untrained model has something to learn from."""

    def __init__(self, _):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def grade(self, items):
        verdicts = ["correct" if zlib.crc32(text.encode()) % 2 else "wrong" for _, text, _ in items]
        return [Grade(None, verdict, False) for verdict in verdicts]


@contextlib.contextmanager
def counting(at: int | None, send: int) -> Iterator[list[str]]:
    """List the events as they happen; send this process a signal just before number ``at``."""
    happened: list[str] = []

    def watched(name, original):
        def call(*args, **kwargs):
            happened.append(name)
            if len(happened) == at:
                os.kill(os.getpid(), send)
            return original(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in EVENTS:
            patch.setattr(owner, name, watched(name, getattr(owner, name)))
        patch.setattr(grader, "Grader", CoinGrader)
        yield happened


def run(args, at: int | None = None, send: int = signal.SIGKILL) -> tuple[int, list[str]]:
    """Run a job in a forked process; return its exit status (negative: a signal) and the events."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with counting(at, send) as happened:
                stage.train_stage(args)
            os.write(write, json.dumps(happened).encode())
            status = 0
        except SystemExit as stop:
            status = stop.code
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), json.loads(text or "[]")


def results(folder: Path) -> tuple[bytes, list[dict]]:
    """Return the weights' bytes and the log without what a clock says."""
    rows = tables.rows(folder / "metrics.parquet")
    assert len(rows) == STEPS
    assert all(row["grad_norm"] > 0 for row in rows)
    kept = [{k: v for k, v in row.items() if not k.startswith(TIMED)} for row in rows]
    return (folder / "policy" / "model.safetensors").read_bytes(), kept


@pytest.fixture(scope="module")
def uninterrupted(inputs, tmp_path_factory) -> tuple[tuple[bytes, list[dict]], list[str]]:
    folder = tmp_path_factory.mktemp("uninterrupted")
    status, happened = run(arguments(inputs, folder))
    assert status == 0
    return results(folder), happened


@pytest.mark.slow
@pytest.mark.parametrize("tenths", range(12))
def test_a_kill_at_any_point_changes_no_bit(inputs, uninterrupted, tmp_path, tenths):
    expected, happened = uninterrupted
    saving = [i for i, name in enumerate(happened, 1) if name in ("replace", "_sync")]
    at = saving[tenths - 9] if tenths > 9 else 1 + tenths * (len(happened) - 1) // 9
    args = arguments(inputs, tmp_path)
    status, _ = run(args, at=at)
    assert status == -signal.SIGKILL
    assert not (tmp_path / "train.json").exists() or happened[at - 1] in ("save_policy", "rmtree", "replace")
    status, _ = run(args)
    assert status == 0
    assert results(tmp_path) == expected


@pytest.mark.slow
def test_sigterm_saves_and_the_next_run_goes_on(inputs, uninterrupted, tmp_path):
    expected, happened = uninterrupted
    args = arguments(inputs, tmp_path, checkpoint_every=0)
    fresh, _ = run(arguments(inputs, tmp_path / "fresh", checkpoint_every=0))
    assert fresh == 0
    for event in ("collect_step", "update"):
        at = [i for i, name in enumerate(happened, 1) if name == event][2]
        status, _ = run(args, at=at, send=signal.SIGTERM)
        assert status == 143
        assert not (tmp_path / "policy").exists()
    states = [json.loads(p.read_text()) for p in (tmp_path / "checkpoints").glob("*/step*/state.json")]
    assert states and all(0 <= state["step"] <= STEPS for state in states)
    status, _ = run(args)
    assert status == 0
    assert results(tmp_path) == results(tmp_path / "fresh") == expected


@pytest.mark.slow
def test_a_checkpoint_of_other_settings_is_not_resumed(inputs, uninterrupted, tmp_path):
    _, happened = uninterrupted
    last = max(i for i, name in enumerate(happened, 1) if name == "update")
    assert run(arguments(inputs, tmp_path), at=last)[0] == -signal.SIGKILL
    kept = sorted((tmp_path / "checkpoints").glob("*/step*"))
    assert kept
    assert run(arguments(inputs, tmp_path, lr=0.02))[0] == 0
    assert run(arguments(inputs, tmp_path / "fresh", lr=0.02))[0] == 0
    assert results(tmp_path) == results(tmp_path / "fresh")
    assert all(folder.exists() for folder in kept)


def test_only_whole_checkpoints_count_and_two_are_kept(tmp_path):
    checkpoints = checkpoint.Checkpoints(tmp_path, "key")
    assert checkpoints.newest() is None
    for step in (1, 2, 3):
        checkpoints.save(step, {"step": step}, lambda folder: (folder / "weights").write_text("w"))
    (tmp_path / "key" / "step000004.partial").mkdir()
    assert sorted(p.name for p in (tmp_path / "key").iterdir()) == [
        "step000002",
        "step000003",
        "step000004.partial",
    ]
    assert checkpoints.newest()[1] == {"step": 3}
    (tmp_path / "key" / "step000003" / "state.json").write_text("{")
    assert checkpoints.newest()[1] == {"step": 2}

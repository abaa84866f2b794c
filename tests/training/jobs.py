"""Small training jobs in forked processes, which may be killed at any point.

As a program it reads jobs from standard input and answers each with its exit status and events, a line of JSON
each: forking is safe only in a process that has started no threads, so tests fork from this one.
"""

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
from sent.grading import grader
from sent.grading.grader import Grade
from sent.training import checkpoint, loop, probe, stage, update

STEPS = 5
SETTINGS = {
    "prompts_per_step": 4, "responses_per_prompt": 2, "minibatch_prompts": 2, "steps": STEPS, "lr": 0.01,
    "decoding": {"max_new_tokens": 6}, "checkpoint_every": 2,
}  # fmt: skip
METHOD = {
    "reference_kl": 0.01, "entropy": {"target": 5.134, "step": 0.01, "max": 0.02},
    "advantage": {"semantic": {"alpha": 0.5}}, "aggregation": "constant",
}  # fmt: skip
"""With a controller of the bonus, whose level is part of a checkpoint, and advantages that need answers compared."""
TIMED = ("seconds", "tokens_per_second", "memory_mb")
EVENTS = [
    (loop, "collect_step"),
    (probe.Probe, "ask"),
    (update.Updater, "score"),
    (update.Updater, "update"),
    (checkpoint.shutil, "rmtree"),
    (checkpoint.os, "replace"),
    (checkpoint, "_sync"),
    (stage, "save_policy"),
    (stage.tables, "write"),
]
"""Places where a job may be killed: just before each call of these."""


def arguments(inputs: Path, output: Path, probe: dict | None = None, **settings) -> argparse.Namespace:
    """Return the command line of a job that writes to ``output``; ``probe``: settings of one of five questions."""
    return argparse.Namespace(
        policy=str(inputs / "model"), reference=str(inputs / "model"), questions=str(inputs / "questions.parquet"),
        curriculum=None, stage=1, stages=1, method=json.dumps(METHOD), method_name="grpo", allow_own_code=False, seed=0,
        run_name="toy/tiny/grpo/seed0",
        model='{"prompt": "{question}\\n", "chat": false, "dtype": "float32"}', grading="{}",
        settings=json.dumps(SETTINGS | settings), output=str(output / "policy"),
        probe=probe and str(inputs / "probe.parquet"),
        probe_settings=probe and json.dumps({"count": 5} | probe), probe_output=str(output / "probe.parquet"),
        metrics=str(output / "metrics.parquet"), rollouts=str(output / "rollouts.parquet"),
        summary=str(output / "train.json"), checkpoints=str(output / "checkpoints"),
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
        sums = [zlib.crc32(text.encode()) for _, text, _ in items]
        return [Grade(f"{code & 3}", "correct" if code & 4 else "wrong", False) for code in sums]

    def grade_answers(self, pairs):
        """Two answers are the same where their texts are."""
        return [Grade(answer, "correct" if gold == answer else "wrong", False) for gold, answer in pairs]


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


def main() -> None:
    """Run the jobs that standard input names, one after the other."""
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(run(argparse.Namespace(**job["args"]), job["at"], job["send"])), flush=True)


if __name__ == "__main__":
    main()

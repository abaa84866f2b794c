"""A killed training job, run again, ends with the very bits of one that was never killed."""

import functools
import hashlib
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jobs
import pytest
from jobs import SETTINGS, STEPS, TIMED
from registry import METHODS
from sent import tables

arguments = functools.partial(jobs.arguments, probe={"n": 2, "every": 2})


@pytest.fixture(scope="module")
def run():
    """Run a job in a process of its own; return its exit status (negative: a signal) and the events."""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("jobs.py"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip

    def ask(args, at: int | None = None, send: int = signal.SIGKILL) -> tuple[int, list[str]]:
        print(json.dumps({"args": vars(args), "at": at, "send": int(send)}), file=server.stdin, flush=True)
        status, happened = json.loads(server.stdout.readline())
        return status, happened

    yield ask
    server.stdin.close()
    server.wait(timeout=30)


def results(folder: Path, steps: int = STEPS) -> tuple[bytes, list[dict], list[dict]]:
    """Return what was made (:func:`made`) by a job of which every step learns, with a controller of the bonus."""
    rows = tables.rows(folder / "metrics.parquet")
    assert all(row["grad_norm"] > 0 for row in rows)
    assert {row["entropy_coefficient"] for row in rows} > {0}, "the controller is at work"
    return made(folder, steps)


def made(folder: Path, steps: int) -> tuple[bytes, list[dict], list[dict]]:
    """Return the weights' bytes, the log without what a clock says beside the rollouts that were kept, and what the probe
    was answered.
    """
    rollouts = tables.rows(folder / "rollouts.parquet")
    assert [row["step"] for row in rollouts] == [step for step in range(1, steps + 1) for _ in range(4)]
    rows = tables.rows(folder / "metrics.parquet")
    assert len(rows) == steps
    kept = [{k: v for k, v in row.items() if not k.startswith(TIMED)} for row in rows]
    kept += rollouts
    probed = tables.rows(folder / "probe.parquet", tables.PROBE)
    asked = sorted({*range(0, steps + 1, 2), steps})
    assert [row["step"] for row in probed] == [step for step in asked for _ in range(5)]
    return (folder / "policy" / "model.safetensors").read_bytes(), kept, probed


@pytest.fixture(scope="module")
def uninterrupted(run, inputs, tmp_path_factory) -> tuple[tuple, list[str]]:
    folder = tmp_path_factory.mktemp("uninterrupted")
    status, happened = run(arguments(inputs, folder))
    assert status == 0
    return results(folder), happened


@pytest.mark.slow
@pytest.mark.parametrize("tenths", range(12))
def test_a_kill_at_any_point_changes_no_bit(run, inputs, uninterrupted, tmp_path, tenths):
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
@pytest.mark.parametrize("method", METHODS)
def test_each_method_goes_on_where_it_was(run, inputs, tmp_path, method):
    recipe = METHODS[method]
    settings = {"steps": 3, "checkpoint_every": 1, "prompts_per_step": 2, "minibatch_prompts": 1}
    settings |= {"responses_per_prompt": 5} | recipe.training.model_dump(exclude_unset=True)

    def job(name: str):
        args = arguments(inputs, tmp_path / name, **settings)
        args.method, args.method_name = recipe.model_dump_json(exclude={"training"}), method
        return args

    status, happened = run(job("whole"))
    assert status == 0
    last = max(i for i, name in enumerate(happened, 1) if name == "update")
    assert run(job("killed"), at=last)[0] == -signal.SIGKILL
    assert list((tmp_path / "killed" / "checkpoints").glob("*/step*"))
    assert run(job("killed"))[0] == 0
    assert made(tmp_path / "killed", steps=3) == made(tmp_path / "whole", steps=3)


@pytest.mark.slow
def test_sigterm_saves_and_the_next_run_goes_on(run, inputs, uninterrupted, tmp_path):
    expected, happened = uninterrupted
    args = arguments(inputs, tmp_path, checkpoint_every=0)
    fresh, _ = run(arguments(inputs, tmp_path / "fresh", checkpoint_every=0))
    assert fresh == 0
    for event in ("collect_step", "ask", "score", "update"):
        at = [i for i, name in enumerate(happened, 1) if name == event][1]
        status, _ = run(args, at=at, send=signal.SIGTERM)
        assert status == 143
        assert not (tmp_path / "policy").exists()
    states = [json.loads(p.read_text()) for p in (tmp_path / "checkpoints").glob("*/step*/state.json")]
    assert states and all(0 <= state["step"] <= STEPS for state in states)
    status, _ = run(args)
    assert status == 0
    assert results(tmp_path) == results(tmp_path / "fresh") == expected


@pytest.mark.slow
def test_a_target_of_difficulty_goes_on_where_it_was(run, inputs, tmp_path):
    """Of an adaptive curriculum: what a step asks depends on the rewards of all before it."""
    questions = tables.rows(inputs / "questions.parquet")
    rows = [
        {
            "question_id": row["question_id"],
            "stage": 1,
            "position": i,
            "score": i / 9,
            "rehearsal": False,
            "why": "",
        }
        for i, row in enumerate(questions)
    ]
    facts = {"settings": json.dumps({"shuffle": True, "adaptive": {"start": 0.3}})}
    tables.write(tmp_path / "c.parquet", tables.table(tables.CURRICULUM, rows), tables.CURRICULUM, facts)

    def job(name: str):
        args = arguments(inputs, tmp_path / name)
        args.curriculum = str(tmp_path / "c.parquet")
        return args

    status, happened = run(job("whole"))
    assert status == 0
    targets = [row["difficulty_target"] for row in tables.rows(tmp_path / "whole" / "metrics.parquet")]
    rewards = [row["reward"] for row in tables.rows(tmp_path / "whole" / "metrics.parquet")]
    assert targets[0] == 0.3 and len(set(targets)) > 2
    for target, reward, following in zip(targets, rewards, targets[1:], strict=False):
        moved = target + 0.5 * math.tanh(2 * (reward - 0.5))
        assert following == pytest.approx(min(1, max(0, moved)))
    last = max(i for i, name in enumerate(happened, 1) if name == "update")
    assert run(job("killed"), at=last)[0] == -signal.SIGKILL
    assert run(job("killed"))[0] == 0
    assert results(tmp_path / "killed") == results(tmp_path / "whole")


@pytest.mark.slow
def test_a_checkpoint_of_other_settings_is_not_resumed(run, inputs, uninterrupted, tmp_path):
    _, happened = uninterrupted
    last = max(i for i, name in enumerate(happened, 1) if name == "update")
    assert run(arguments(inputs, tmp_path), at=last)[0] == -signal.SIGKILL
    kept = sorted((tmp_path / "checkpoints").glob("*/step*"))
    assert kept
    assert run(arguments(inputs, tmp_path, lr=0.02))[0] == 0
    assert run(arguments(inputs, tmp_path / "fresh", lr=0.02))[0] == 0
    assert results(tmp_path) == results(tmp_path / "fresh")
    assert all(folder.exists() for folder in kept)


@pytest.mark.slow
@pytest.mark.parametrize("keep", [True, False])
def test_more_steps_go_on_from_a_finished_job_that_kept_its_last_state(run, inputs, tmp_path, keep):
    """Six steps at once, or four and then two more: the same to the bit. Without kept states all six are done anew."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    status, happened = run(arguments(inputs, whole, steps=6, warmup_updates=3))
    assert status == 0
    raised = {"warmup_updates": 3, "keep_checkpoints": keep}
    assert run(arguments(inputs, parts, steps=4, **raised))[0] == 0
    assert (parts / "checkpoints").exists() == keep
    shutil.rmtree(parts / "policy")  # as Snakemake does
    status, after = run(arguments(inputs, parts, steps=6, **raised))
    assert status == 0
    assert (after.count("collect_step"), after.count("ask")) == ((2, 1) if keep else (6, 4))
    assert happened.count("collect_step") == 6
    assert results(parts, 6) == results(whole, 6)


@pytest.mark.slow
def test_a_falling_learning_rate_goes_on_to_the_bit_and_more_steps_start_over(run, inputs, tmp_path):
    """Every step of a cosine depends on where its end is, so states of another number of steps are of no use."""
    falling = {"lr_schedule": "cosine", "warmup_updates": 2, "keep_checkpoints": True}
    status, happened = run(arguments(inputs, tmp_path / "whole", **falling))
    assert status == 0
    rates = [row["learning_rate"] for row in tables.rows(tmp_path / "whole" / "metrics.parquet")]
    assert rates == sorted(rates, reverse=True) and 0 <= rates[-1] < rates[0] < SETTINGS["lr"] * 1.001
    last = max(i for i, name in enumerate(happened, 1) if name == "update")
    assert run(arguments(inputs, tmp_path / "parts", **falling), at=last)[0] == -signal.SIGKILL
    status, after = run(arguments(inputs, tmp_path / "parts", **falling))
    assert (status, after.count("collect_step")) == (0, 1)
    assert results(tmp_path / "parts") == results(tmp_path / "whole")
    status, after = run(arguments(inputs, tmp_path / "parts", steps=6, **falling))
    assert (status, after.count("collect_step")) == (0, 6)
    assert run(arguments(inputs, tmp_path / "six", steps=6, **falling))[0] == 0
    assert results(tmp_path / "parts", 6) == results(tmp_path / "six", 6)


@pytest.mark.slow
def test_fewer_steps_do_not_take_the_state_of_more(run, inputs, tmp_path):
    assert run(arguments(inputs, tmp_path, keep_checkpoints=True))[0] == 0
    status, happened = run(arguments(inputs, tmp_path, steps=3, keep_checkpoints=True))
    assert status == 0
    assert happened.count("collect_step") == 3
    assert run(arguments(inputs, tmp_path / "fresh", steps=3))[0] == 0
    assert results(tmp_path, 3) == results(tmp_path / "fresh", 3)


@pytest.mark.slow
@pytest.mark.parametrize("resume", ["strict", "settings"])
def test_a_checkpoint_of_other_code_is_resumed_on_purpose_alone(run, inputs, uninterrupted, tmp_path, resume):
    expected, happened = uninterrupted
    last = max(i for i, name in enumerate(happened, 1) if name == "update")
    assert run(arguments(inputs, tmp_path), at=last)[0] == -signal.SIGKILL
    (written,) = (tmp_path / "checkpoints").iterdir()
    key, _, code = written.name.partition("-")
    written.rename(written.with_name(f"{key}-0123456789ab"))
    for state in (tmp_path / "checkpoints").glob("*/step*/state.json"):
        state.write_text(state.read_text().replace(code, "0123456789ab"))
        sums, digest = state.with_name("SHA256SUMS"), hashlib.sha256(state.read_bytes()).hexdigest()
        sums.write_text(re.sub("^.{64}(?=  state.json$)", digest, sums.read_text(), flags=re.MULTILINE))
    status, after = run(arguments(inputs, tmp_path, resume=resume))
    assert status == 0
    asked = {"strict": (STEPS, 4), "settings": (1, 1)}[resume]
    assert (after.count("collect_step"), after.count("ask")) == asked
    codes = json.loads((tmp_path / "train.json").read_text())["code"]
    assert codes == ([code] if resume == "strict" else ["0123456789ab", code])
    assert results(tmp_path) == expected


@pytest.mark.slow
@pytest.mark.parametrize("event", ["ask", "update", "replace", "save_policy"])
def test_the_best_policy_so_far_outlives_a_kill(run, inputs, tmp_path, event):
    """Killed late, whatever was kept or linked by then: the policy is that of a job that was not disturbed."""
    best = {"keep": "best_probe", "checkpoint_every": 3, "probe": {"n": 4, "every": 1}}
    status, happened = run(arguments(inputs, tmp_path / "whole", **best))
    assert status == 0
    at = max(i for i, name in enumerate(happened, 1) if name == event)
    assert run(arguments(inputs, tmp_path / "parts", **best), at=at)[0] == -signal.SIGKILL
    assert run(arguments(inputs, tmp_path / "parts", **best))[0] == 0
    summaries = [json.loads((tmp_path / name / "train.json").read_text()) for name in ("whole", "parts")]
    assert summaries[0]["kept"] == summaries[1]["kept"]
    files = ("policy/model.safetensors", "probe.parquet")
    assert [(tmp_path / "whole" / f).read_bytes() for f in files] == [
        (tmp_path / "parts" / f).read_bytes() for f in files
    ]
    assert not (tmp_path / "parts/checkpoints").exists()


@pytest.mark.slow
def test_a_damaged_checkpoint_changes_no_bit(run, inputs, uninterrupted, tmp_path):
    """Whichever file of the newest is damaged, the one before is taken; without one, training starts over."""
    expected, happened = uninterrupted
    last = max(i for i, name in enumerate(happened, 1) if name == "update")
    assert run(arguments(inputs, tmp_path / "killed"), at=last)[0] == -signal.SIGKILL
    (written,) = (tmp_path / "killed" / "checkpoints").iterdir()
    assert sorted(path.name for path in written.glob("step*")) == ["step000002", "step000004"]
    names = [path.name for path in (written / "step000004").iterdir()]
    assert len(names) == 6
    for name in [*names, None]:
        folder = tmp_path / str(name)
        shutil.copytree(tmp_path / "killed", folder)
        for damaged in folder.glob(
            "checkpoints/*/*/state.json" if name is None else f"checkpoints/*/step000004/{name}"
        ):
            data = bytearray(damaged.read_bytes())
            data[len(data) // 3] ^= 4
            damaged.write_bytes(data)
        status, after = run(arguments(inputs, folder))
        assert (status, after.count("collect_step")) == (0, STEPS if name is None else 3), name
        assert results(folder) == expected, name

"""Checkpoints: only whole ones count, nothing in them runs, and where the newest is damaged the one before is taken."""

import hashlib
import json
import logging
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from sent.config import Method, Training
from sent.training.checkpoint import SUMS, Checkpoints
from sent.training.offloaded_adamw import OffloadedAdamW
from sent.training.parallelism import parallelism_of
from sent.training.policy import Policy
from sent.training.snapshot import Snapshot
from sent.training.update import UpdateId, Updater
from tiny import batch, language_model

FILES = [
    *("weights-00000.safetensors", "exp_avg-00000.safetensors", "exp_avg_sq-00000.safetensors"),
    *("step-00000.safetensors", "state.json", SUMS),
]


class Hostile:
    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def other_tensors(path: Path) -> None:
    """What another model would leave, its hash in order."""
    if path.suffix == ".safetensors":
        tensors = load_file(path)
        _, value = tensors.popitem()
        save_file({**tensors, "another": value}, path)
    else:
        path.write_text("{}")
    sums = path.with_name(SUMS)
    if path != sums:
        old = [line for line in sums.read_text().splitlines() if not line.endswith(f"  {path.name}")]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        sums.write_text("\n".join([*old, f"{digest}  {path.name}"]) + "\n")


FAULTS = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "emptied": lambda path: path.write_bytes(b""),
    "a bit flipped": flip,
    "random": lambda path: path.write_bytes(bytes(range(256)) * 4),
    "removed": Path.unlink,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "other tensors": other_tensors,
    "a pickle": lambda path: path.write_bytes(pickle.dumps(Hostile(path.parents[2] / "it ran"))),
    "a saved pickle": lambda path: torch.save(Hostile(path.parents[2] / "it ran"), path),
}


class Job:
    """A policy under training, without rollouts."""

    def __init__(self, offload: bool = False):
        accelerator = Accelerator(cpu=True)
        policy, parallelism = Policy(language_model()), parallelism_of(accelerator)
        kind = OffloadedAdamW if offload else torch.optim.AdamW
        optimizer = kind(policy.parameters(), lr=0.01, fused=True)
        policy, optimizer = parallelism.prepare(policy, optimizer, 1.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: 1 / (n + 1))
        training = Training(prompts_per_step=2, minibatch_prompts=1)
        self.updater = Updater(accelerator, policy, optimizer, schedule, Method(), training)
        self.snapshot = Snapshot(parallelism, policy, optimizer)

    def update(self, step: int) -> dict[str, torch.Tensor]:
        self.updater.update(batch(), UpdateId(seed=0, stage=1, step=step, update=0))
        return self.tensors()

    def tensors(self) -> dict[str, torch.Tensor]:
        named = self.snapshot.policy.named_parameters()
        state = self.snapshot.optimizer.state
        return {
            f"{kind} of {name}": value.detach().clone()
            for name, parameter in named
            for kind, value in {"value": parameter, **state.get(parameter, {})}.items()
        }

    def save(self, checkpoints: Checkpoints, step: int) -> None:
        state = {"step": step, "cursor": 0, "rows": [], "updates": self.updater.scheduler.last_epoch}
        checkpoints.save(step, state, self.snapshot.write)

    def resume(self, checkpoints: Checkpoints) -> int:
        found = checkpoints.newest(9, self.snapshot.files.values(), self.snapshot.read)
        if found is None:
            return 0
        found[2]()
        self.updater.go_on_after(found[1]["updates"])
        return found[1]["step"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> tuple[Path, list[dict]]:
    """A folder with checkpoints of steps 1 and 2, and what the tensors were after steps 0, 1, 2 and 3."""
    folder, job = tmp_path_factory.mktemp("saved"), Job()
    checkpoints, tensors = Checkpoints(folder / "checkpoints", "key", "code"), [job.tensors()]
    for step in (1, 2, 3):
        tensors.append(job.update(step))
        if step < 3:
            job.save(checkpoints, step)
    return folder, tensors


@pytest.fixture(scope="module")
def fresh() -> Job:
    return Job()


def equal(found: dict, expected: dict) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[k], expected[k]) for k in found)


def test_a_resumed_job_goes_on_with_the_same_bits(saved, tmp_path):
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    job, checkpoints = Job(), Checkpoints(tmp_path / "checkpoints", "key", "code")
    assert job.resume(checkpoints) == 2
    assert equal(job.tensors(), saved[1][2])
    assert job.updater.scheduler.get_last_lr() == [0.01 * (1 / 3)]
    assert equal(job.update(3), saved[1][3])


@pytest.mark.parametrize("fault", FAULTS)
def test_where_the_newest_is_damaged_the_one_before_is_taken(saved, fresh, tmp_path, caplog, fault):
    for name in FILES:
        folder = tmp_path / name
        shutil.copytree(saved[0], folder)
        checkpoints = Checkpoints(folder / "checkpoints", "key", "code")
        newest, before = sorted((folder / "checkpoints" / "key-code").iterdir(), reverse=True)
        assert sorted(path.name for path in newest.iterdir()) == sorted(FILES)
        caplog.clear()
        FAULTS[fault](newest / name)
        assert fresh.resume(checkpoints) == 1, name
        assert equal(fresh.tensors(), saved[1][1]), name
        (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert str(newest) in warning.getMessage()
        # Of the last one, nothing is left to fall back on.
        FAULTS[fault](before / name)
        assert fresh.resume(checkpoints) == 0
        assert "training starts over" in caplog.text
        assert not list(folder.rglob("it ran"))


def test_tensors_that_do_not_fit_are_named(saved, fresh, tmp_path, caplog):
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    newest = max((tmp_path / "checkpoints" / "key-code").iterdir())
    weights = load_file(newest / FILES[0])
    removed, misshapen = sorted(weights)[:2]
    weights["extra"] = weights.pop(removed)
    weights[misshapen] = weights[misshapen][:1].contiguous()
    save_file(weights, newest / FILES[0])
    sums = (newest / SUMS).read_text()
    digest = hashlib.sha256((newest / FILES[0]).read_bytes()).hexdigest()
    (newest / SUMS).write_text(
        "".join(
            f"{digest if line.endswith(FILES[0]) else line[:64]}{line[64:]}\n" for line in sums.splitlines()
        )
    )
    assert fresh.resume(Checkpoints(tmp_path / "checkpoints", "key", "code")) == 1
    assert f"1 missing ({removed}); 1 not expected (extra); 1 of another shape ({misshapen})" in caplog.text


def test_only_whole_checkpoints_count_and_two_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path, "key", "code")
    assert checkpoints.newest(9) is None

    def write(folder: Path) -> list[str]:
        (folder / "weights").write_text("w")
        return ["weights"]

    def newest(most: int) -> int | None:
        found = checkpoints.newest(most, ["weights"])
        return found and found[1]["step"]

    for step in (1, 2, 3):
        checkpoints.save(step, {"step": step, "cursor": 0, "rows": [], "updates": 0}, write)
    (tmp_path / "key-code" / "step000004.partial").mkdir()
    names = sorted(path.name for path in (tmp_path / "key-code").iterdir())
    assert names == ["step000002", "step000003", "step000004.partial"]
    state = {"step": 3, "cursor": 0, "rows": [], "updates": 0, "codes": ["code"]}
    assert checkpoints.newest(9)[1] == state
    assert (newest(9), newest(2), newest(1)) == (3, 2, None)
    sums = (tmp_path / "key-code" / "step000003" / SUMS).read_text()
    written = json.dumps(state).encode()
    assert (
        sums
        == f"{hashlib.sha256(written).hexdigest()}  state.json\n{hashlib.sha256(b'w').hexdigest()}  weights\n"
    )
    (tmp_path / "key-code" / "step000003" / "state.json").write_text("{")
    assert newest(9) == 2
    checkpoints.remove()
    assert not tmp_path.exists()

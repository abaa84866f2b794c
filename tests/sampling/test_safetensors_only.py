"""Weights in a format that can run code are refused by every sampler that loads a folder, before anything reads them."""

import pickle
import shutil
import sys
import types
from pathlib import Path

import pytest
from sent.config import Model, Sampling, parse
from sent.errors import SentError
from sent.sampling import sampler

MODEL = Model(chat=False, dtype="float32")


class Hostile:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


class AskedError(Exception):
    """The engine has been asked for, with these options."""


@pytest.fixture(autouse=True)
def _vllm(monkeypatch):
    """A package vllm whose engine says how it was started."""

    def start(**options):
        raise AskedError(options)

    client = types.SimpleNamespace(SyncMPClient=type("SyncMPClient", (), {}))
    for name in ("vllm.v1", "vllm.v1.engine"):
        monkeypatch.setitem(sys.modules, name, types.SimpleNamespace())
    monkeypatch.setitem(sys.modules, "vllm.v1.engine.core_client", client)
    monkeypatch.setitem(sys.modules, "vllm", types.SimpleNamespace(LLM=start))


@pytest.mark.parametrize("backend", ["transformers", "vllm"])
@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "pytorch_model.ckpt"])
def test_pickles_are_refused_and_never_loaded(policy, tmp_path, backend, name):
    folder, mark = shutil.copytree(policy, tmp_path / "policy"), tmp_path / "it ran"
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(pickle.dumps(Hostile(mark)))
    message = (
        rf"policy: it has no weights as safetensors .*; save the weights of {name} as model\.safetensors"
    )
    with pytest.raises(SentError, match=message):
        sampler.load_sampler(folder, MODEL, Sampling(backend=backend))
    assert not mark.exists()


def test_the_engine_is_told_to_take_safetensors_alone(policy, tmp_path):
    """Also where pickles lie beside them."""
    folder = shutil.copytree(policy, tmp_path / "policy")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Hostile(tmp_path / "it ran")))
    with pytest.raises(AskedError) as started:
        sampler.load_sampler(folder, MODEL, Sampling(backend="vllm"))
    assert started.value.args[0]["load_format"] == "safetensors"
    with pytest.raises(SentError, match=r"vllm\.extra\.load_format"):
        parse(Sampling, '{"vllm": {"extra": {"load_format": "pt"}}}', "--settings")

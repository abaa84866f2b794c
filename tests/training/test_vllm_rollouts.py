"""Training whose rollouts vLLM writes, its weights replaced in place. Run by `make test-vllm`."""

import argparse
import json

import pytest
from sent import tables
from sent.config import Generator
from sent.data.arithmetic import generate
from sent.errors import SentError
from sent.training.stage import train_stage
from test_parallelism import finish, launch
from tiny import save_embedded

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module", autouse=True)
def _cpu():
    pytest.importorskip("vllm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        patch.setenv("TORCHDYNAMO_DISABLE", "1")
        yield


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def job(request, tmp_path):
    """A job of three steps with a learning rate at which stale weights would show at once."""
    save_embedded(tmp_path / "model", tied=request.param, head_dim=32)
    questions = generate(Generator(families=["chain"], levels=[1], count=8))
    tables.write(tmp_path / "questions.parquet", tables.table(tables.QUESTIONS, questions))
    settings = {
        "backend": "vllm", "prompts_per_step": 4, "responses_per_prompt": 4, "minibatch_prompts": 2, "steps": 3,
        "lr": 0.05, "decoding": {"max_new_tokens": 12}, "checkpoint_every": 0, "overlong_share": 0.9,
        "vllm": {"gpu_memory_utilization": 0.1, "enforce_eager": True, "max_model_len": 64},
    }  # fmt: skip
    folder = str(tmp_path / "model")
    return argparse.Namespace(
        policy=folder, reference=folder, questions=str(tmp_path / "questions.parquet"), curriculum=None, stage=1,
        stages=1, method='{"entropy": 0.5}', method_name="en", allow_own_code=False, seed=0, grading="{}",
        run_name=None, probe=None, probe_settings=None, probe_output=str(tmp_path / "probe.parquet"),
        model='{"prompt": "{question}\\n", "chat": false, "dtype": "float32"}', settings=json.dumps(settings),
        output=str(tmp_path / "policy"), metrics=str(tmp_path / "metrics.parquet"),
        rollouts=str(tmp_path / "rollouts.parquet"), summary=str(tmp_path / "train.json"),
        checkpoints=str(tmp_path / "checkpoints"),
    )  # fmt: skip


def test_every_rollout_comes_from_the_current_weights(job):
    train_stage(job)
    rows = tables.rows(job.metrics)
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert all(row["sampler_gap"] < 1e-4 for row in rows)
    assert all(row["grad_norm"] > 0 for row in rows)


def test_an_engine_that_keeps_its_old_weights_stops_training(job, monkeypatch):
    from sent.sampling.vllm_sampler import VllmSampler

    monkeypatch.setattr(VllmSampler, "update_weights", lambda self, parameters: None)
    with pytest.raises(
        SentError, match=r"at step 2 the sampler's log-probabilities differ from the trainer's"
    ):
        train_stage(job)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("job", "kind", "parts"), [(True, "ddp", 1), (True, "fsdp2", 2), (False, "fsdp2", 2)], indirect=["job"]
)
def test_every_process_has_an_engine_or_a_part_of_one(job, kind, parts):
    """Weights that FSDP split reach engines that are split otherwise."""
    settings = json.loads(job.settings)
    settings["vllm"]["tensor_parallel"] = parts
    job.settings = json.dumps(settings)
    finish(launch(kind, 2, "job", json.dumps(vars(job))))
    rows = tables.rows(job.metrics)
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert all(row["sampler_gap"] < 1e-4 and row["grad_norm"] > 0 for row in rows)

"""A training job from files to files, and what it refuses."""

import contextlib
import json
import sys
from hashlib import sha256

import pytest
import torch
from jobs import SETTINGS, CoinGrader, arguments
from registry import METHODS
from safetensors.torch import load_file
from sent import tables
from sent.config import Training, dump
from sent.errors import SentError
from sent.training import stage
from sent.training.command import run
from sent.training.recipe import updates_per_step
from tiny import save_embedded


@pytest.fixture
def coin(monkeypatch):
    monkeypatch.setattr("sent.grading.grader.Grader", CoinGrader)


def test_a_job_writes_policy_metrics_and_summary(inputs, coin, tmp_path):
    args = arguments(inputs, tmp_path, steps=2, worked_marker=" = ", importance_cap=2.0)
    run(args)
    rows = tables.rows(args.metrics)
    assert [row["step"] for row in rows] == [1, 2]
    expected = {
        "stage", "reward", "entropy", "entropy_low_set", "covariance_p50", "kl_old", "kl_reference", "clip_fraction",
        "share_beta_high", "response_tokens", "truncated_share", "grad_norm", "tokens_per_second", "seconds_rollout",
        "seconds_score", "seconds_update", "memory_mb", "worked_share", "loss", "learning_rate", "sampler_gap",
    }  # fmt: skip
    assert expected <= set(rows[0])
    summary = json.loads((tmp_path / "train.json").read_text())
    assert (summary["steps"], summary["steps_planned"], summary["updates"]) == (2, 2, 4)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    trained = AutoModelForCausalLM.from_pretrained(args.output)
    start = AutoModelForCausalLM.from_pretrained(args.policy)
    assert len(AutoTokenizer.from_pretrained(args.output)) == trained.config.vocab_size
    assert any((a != b).any() for a, b in zip(trained.parameters(), start.parameters(), strict=True))
    assert trained.dtype == start.dtype == torch.float32
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_policy_of_16_bits_says_so_and_holds_shared_weights_once(inputs, coin, tmp_path):
    args = arguments(inputs, tmp_path, steps=1)
    args.model = args.model.replace("float32", "bfloat16")
    run(args)
    weights = load_file(tmp_path / "policy" / "model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.bfloat16}
    assert "model.embed_tokens.weight" in weights and "lm_head.weight" not in weights
    known = json.loads((tmp_path / "policy" / "provenance.json").read_text())
    content = (tmp_path / "policy" / "model.safetensors").read_bytes()
    assert known["origin"] == "trained in this workflow"
    assert known["files"]["model.safetensors"] == {
        "bytes": len(content),
        "sha256": sha256(content).hexdigest(),
    }
    assert json.loads((tmp_path / "policy" / "config.json").read_text())["dtype"] == "bfloat16"


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains(inputs, coin, tmp_path, method):
    args = arguments(inputs, tmp_path, steps=1, responses_per_prompt=6)
    args.method = dump(METHODS[method])
    run(args)
    (row,) = tables.rows(args.metrics)
    assert row["grad_norm"] > 0


def test_adapters_are_merged_into_a_plain_model(inputs, coin, tmp_path):
    args = arguments(inputs, tmp_path, steps=1, lora={"rank": 2, "alpha": 4})
    run(args)
    from transformers import AutoModelForCausalLM

    trained = AutoModelForCausalLM.from_pretrained(args.output).state_dict()
    start = AutoModelForCausalLM.from_pretrained(args.policy).state_dict()
    assert trained.keys() == start.keys()
    changed = {name for name in trained if (trained[name] != start[name]).any()}
    assert changed and all("proj" in name for name in changed)


def test_gradient_checkpointing_changes_no_result(inputs, coin, tmp_path):
    for name in (False, True):
        run(arguments(inputs, tmp_path / str(name), steps=1, gradient_checkpointing=name))
    a, b = ((tmp_path / n / "policy" / "model.safetensors").read_bytes() for n in ("False", "True"))
    assert a == b


def test_adapters_without_peft_say_what_to_install(inputs, coin, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    args = arguments(inputs, tmp_path, steps=1, lora={"rank": 2})
    with pytest.raises(SentError, match=r"training\.lora: needs peft .*pip install 'sent-rlvr\[lora\]'"):
        run(args)
    assert not (tmp_path / "policy").exists()


REFUSED = {
    "no room": ({"decoding": {"max_new_tokens": 63}}, "beyond the model's context of 64"),
    "unknown layers": (
        {"lora": {"targets": ["q_proj", "qproj"]}},
        r"training\.lora\.targets: no linear layer in the decoder of \S+ is called 'qproj'; did you mean 'q_proj'\? "
        r"\(known: down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj\)",
    ),
    "long prompts": ({"max_prompt_tokens": 2}, "every prompt is longer than max_prompt_tokens"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_settings_that_cannot_work_are_refused(inputs, coin, tmp_path, case):
    settings, message = REFUSED[case]
    with pytest.raises(SentError, match=message):
        run(arguments(inputs, tmp_path, **settings))
    assert not (tmp_path / "policy").exists()


def test_one_update_a_rollout_is_refused_where_it_would_do_nothing(inputs, tmp_path):
    args = arguments(inputs, tmp_path, minibatch_prompts=4)
    args.method, args.method_name = '{"kl_anchor": "old", "kl_estimator": "abs"}', "mine"
    with pytest.raises(
        SentError, match=r"method 'mine': its KL to the old policy has no gradient .* two or more"
    ):
        run(args)


def test_rollouts_of_other_weights_stop_training(inputs, coin, tmp_path, monkeypatch):
    save_embedded(tmp_path / "stale", seed=5)
    real = stage.make_sampler

    def stale(folder, *rest):
        from sent.sampling.transformers_sampler import TransformersSampler
        from transformers import AutoModelForCausalLM

        real(folder, *rest)
        other = AutoModelForCausalLM.from_pretrained(tmp_path / "stale", attn_implementation="sdpa")
        return TransformersSampler(other, rest[-1]), contextlib.nullcontext

    monkeypatch.setattr(stage, "make_sampler", stale)
    with pytest.raises(SentError, match=r"log-probabilities differ from the trainer's .* Nothing was learnt"):
        run(arguments(inputs, tmp_path / "run"))


def test_a_tracker_that_is_not_installed_is_named(inputs, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SentError, match="wandb is not installed; `pip install wandb`"):
        run(arguments(inputs, tmp_path, trackers=["wandb"]))


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(SentError, match="1 processes on this machine, which has 0 GPUs"):
        stage.check_devices(processes=1)


def test_minibatches_must_divide_a_step(inputs, tmp_path):
    with pytest.raises(SentError, match=r"minibatch_prompts \(3\) must divide prompts_per_step \(4\)"):
        run(arguments(inputs, tmp_path, minibatch_prompts=3))
    assert updates_per_step(Training(**SETTINGS)) == 2

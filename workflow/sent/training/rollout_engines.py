"""What writes rollouts, and how it comes by the policy's current weights."""

import contextlib

import torch

from sent.config import Model, Training
from sent.training.parallelism import parallelism_of


def by_transformers(folder: str, model: Model, settings: Training, accelerator, policy, tokenizer):
    """Return a sampler of the policy itself, or of a whole copy where the policy is split over devices.

    With it comes the context in which it has the current weights.
    """
    from sent.sampling.transformers_sampler import TransformersSampler

    parallelism = parallelism_of(accelerator)
    if not parallelism.is_sharded:
        core = accelerator.unwrap_model(policy).model
        core = core.get_base_model() if hasattr(core, "get_base_model") else core
        return TransformersSampler(core, tokenizer, settings.rollout_batch_tokens), contextlib.nullcontext

    from transformers import AutoModelForCausalLM

    dtype = next(policy.parameters()).dtype
    config = accelerator.unwrap_model(policy).config
    copy = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")
    copy.to(accelerator.device).eval()

    @contextlib.contextmanager
    def rollouts():
        own = dict(copy.named_parameters())
        with torch.no_grad():
            for name, value in parallelism.weights(policy, dtype):
                own[name].copy_(value)
        yield

    return TransformersSampler(copy, tokenizer, settings.rollout_batch_tokens), rollouts


def by_vllm(folder: str, model: Model, settings: Training, accelerator, policy):
    """Return a vLLM engine in this process, and the context in which it is awake with the current weights."""
    from sent.sampling.vllm_sampler import VllmSampler

    parallelism = parallelism_of(accelerator)
    sampler = VllmSampler(
        folder, model, settings.vllm, settings.decoding.temperature, accelerator.num_processes > 1
    )
    sampler.sleep()

    @contextlib.contextmanager
    def rollouts():
        sampler.wake_up()
        sampler.update_weights(parallelism.weights(policy, getattr(torch, model.dtype)))
        yield
        sampler.sleep()

    return sampler, rollouts

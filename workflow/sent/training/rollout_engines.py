"""What writes rollouts, and how it comes by the policy's current weights."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from sent.config import Decoding, Model, Training
from sent.errors import SentError
from sent.sampling.sampler import Completion, Request
from sent.training.parallelism import parallelism_of

Rollouts = Callable[[], contextlib.AbstractContextManager[None]]


def by_transformers(
    folder: str, model: Model, settings: Training, accelerator: Accelerator, policy: Any, tokenizer: Any
) -> tuple[Any, Rollouts]:
    """Return a sampler of the policy itself, or of a whole copy where the policy is split over devices.

    With it comes the context in which it has the current weights.
    """
    from sent.sampling.transformers_sampler import TransformersSampler

    parallelism = parallelism_of(accelerator)
    if not parallelism.is_sharded:
        core = parallelism.language_model(policy)
        return TransformersSampler(core, tokenizer, settings.rollout_batch_tokens), contextlib.nullcontext

    from transformers import AutoModelForCausalLM

    dtype = next(policy.parameters()).dtype
    config: Any = parallelism.language_model(policy).config
    copy = AutoModelForCausalLM.from_config(
        config, dtype=dtype, attn_implementation=config._attn_implementation
    )
    copy.to(accelerator.device).eval()

    @contextlib.contextmanager
    def rollouts() -> Iterator[None]:
        own = dict(copy.named_parameters(remove_duplicate=False))
        with torch.no_grad():
            for name, value in parallelism.weights(policy, dtype):
                own[name].copy_(value)
        yield

    return TransformersSampler(copy, tokenizer, settings.rollout_batch_tokens), rollouts


def by_vllm(
    folder: str, model: Model, settings: Training, accelerator: Accelerator, policy: Any, tokenizer: Any
) -> tuple[Any, Rollouts]:
    """Return a vLLM engine in this process, and the context in which it is awake with the current weights."""
    from sent.sampling.vllm_sampler import VllmSampler

    if os.environ.get("VLLM_ENABLE_V1_MULTIPROCESSING", "0") != "0":
        raise SentError(
            "VLLM_ENABLE_V1_MULTIPROCESSING: training hands its weights to an engine in its own process; unset it"
        )
    parts, processes = settings.vllm.tensor_parallel, accelerator.num_processes
    if processes % parts:
        raise SentError(
            f"training.vllm.tensor_parallel: engines split over {parts} GPUs do not share out {processes} processes; "
            "give a divisor of the model's resources.gpus"
        )
    parallelism = parallelism_of(accelerator)
    engine = VllmSampler(folder, model, settings.vllm, settings.decoding.temperature, processes > 1)
    engine.sleep()

    def rollouts() -> contextlib.AbstractContextManager[None]:
        return engine.awake(parallelism.weights(policy, getattr(torch, model.dtype)))

    return engine if parts == 1 else SplitEngine(engine, accelerator, parts), rollouts


class SplitEngine:
    """An engine whose parts are in ``parts`` neighbouring processes: each asks for the requests of them all."""

    def __init__(self, engine: Any, accelerator: Accelerator, parts: int):
        self.engine, self.parts = engine, parts
        self.rank = accelerator.process_index

    def sample(self, requests: list[Request], decoding: Decoding) -> list[Completion]:
        """Return the completions of this process's own requests."""
        place = self.rank % self.parts
        shares = gather_object([requests])[self.rank - place :][: self.parts]
        completions = self.engine.sample([request for share in shares for request in share], decoding)
        start = sum(map(len, shares[:place]))
        return completions[start : start + len(requests)]

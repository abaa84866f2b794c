"""The sequences of a pass in one row, without padding, kept apart by PyTorch's attention for variable lengths."""

import contextlib
import inspect
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from sent.errors import SentError
from sent.sampling.sampler import Completion
from sent.training.batch import Batch
from sent.training.policy import Sequences

varlen_attn: Any = None  # of older PyTorch
with contextlib.suppress(ImportError):
    from torch.nn.attention.varlen import varlen_attn

LARGEST_DIFFERENCE = 0.1
"""Nats, mean over tokens, that log-probabilities of packed and padded sequences may differ by in 16 bits."""


def attend_packed(accelerator: Accelerator, attention: str) -> None:
    """Let models of PyTorch's ``attention`` read packed rows. Raises :class:`SentError` where they cannot."""
    if problem := _problem(accelerator, attention):
        raise SentError(f"training.packing: {problem}; set it to false")
    AttentionInterface.register("sdpa", _attention)


def _problem(accelerator: Accelerator, attention: str) -> str | None:
    """What is lacking for packed rows."""
    if accelerator.device.type != "cuda":
        return f"the kernels for variable lengths are for GPUs, and this is a {accelerator.device.type}"
    if torch.cuda.get_device_capability(accelerator.device) < (8, 0) or accelerator.mixed_precision != "bf16":
        return "the kernels for variable lengths need a GPU of compute capability 8.0 and a model of `dtype: bfloat16`"
    if varlen_attn is None or "enable_gqa" not in inspect.signature(varlen_attn).parameters:
        return f"PyTorch {torch.__version__} has no torch.nn.attention.varlen that shares keys among heads; take a newer one"
    if attention != "sdpa":
        return f"it is for models of PyTorch's attention, and this one computes its own ({attention})"
    return None


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    cu_seq_lens_q: Tensor | None = None,
    max_length_q: int | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attend as transformers' "sdpa" does; where a row is packed, within each of its sequences.

    ``query`` ``[1, H, T, D]``, ``key`` and ``value`` with as many or fewer heads; returns ``[1, T, H, D]``.
    """
    if cu_seq_lens_q is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    query, key, value = (x[0].transpose(0, 1).to(value.dtype) for x in (query, key, value))
    window = kwargs.get("sliding_window")
    found = varlen_attn(
        query, key, value, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q,
        scale=kwargs.get("scaling"), window_size=(-1 if window is None else window - 1, 0), enable_gqa=True,
    )  # fmt: skip
    return found[None], None


@torch.no_grad()
def check_packing(policy: Any, device: torch.device) -> None:
    """Refuse a model that does not tell its attention where packed sequences begin. Every process must ask.

    Raises :class:`SentError` if its log-probabilities are not those that it has with padding.
    """
    responses = [Completion(list(range(5, 5 + n)), [0.0] * n, "stop") for n in (9, 3, 14)]
    batch = Batch.of_responses(
        responses,
        prompts=[(2, 3), (4, 3, 2), (3,)],
        questions=[""] * 3,
        keys=np.arange(3),
        advantages=np.zeros(3),
    )
    padded, _ = policy(Sequences.of(batch, device), need_entropy=False)
    try:
        packed, _ = policy(Sequences.of(batch, device, packed=True), need_entropy=False)
        difference = float((packed - padded).abs().mean())
        problem = "" if difference < LARGEST_DIFFERENCE else f"they differ by {difference:.3g} nats a token"
    except (RuntimeError, TypeError, ValueError) as error:  # an unknown argument, or a mask that fits nothing
        problem = " ".join(str(error).split())[:200]
    if problem:
        raise SentError(
            "training.packing: this architecture does not tell its attention where packed sequences begin: log-probabilities are "
            f"not those that they have apart ({problem}); set it to false"
        )

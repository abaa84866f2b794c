"""Bytes that passes over tokens keep: activations for the backward pass, and blocks of logits."""

from sent.config import Training
from sent.plan.shape import Shape

BLOCK_ELEMENTS, MIN_BLOCK = 1 << 22, 1024
"""Sizes of the blocks of logits, as in sent/training/logprobs.py, which imports torch."""


def per_layer(shape: Shape, precision: str) -> float:
    """Return the bytes a token that one layer keeps for its backward pass.

    Counted as Korthikanti et al. 2022 (section 4.1) count theirs, for a layer of Llama's kind with attention that
    keeps no scores (their term 5as/h): two norms, projections, attention's output and log-sum, gated MLP.
    ``precision``: `float32`, `bfloat16` (16-bit weights: FSDP, ZeRO) or `autocast` (float32 weights and residuals,
    16-bit products: one GPU and DDP).
    """
    sizes = shape.sizes
    width = 4 if precision == "float32" else 2
    # A norm keeps its input, the normalised input and its output; under autocast each projection its own 16-bit copy.
    residual = {"float32": 24, "bfloat16": 16, "autocast": 26}[precision] * sizes.hidden
    attention = 2 * width * (shape.query + shape.key) + 4 * sizes.heads
    if sizes.qk_norm:
        attention += (8 if width == 4 else 6) * (shape.query + shape.key) + 4 * (sizes.heads + sizes.kv_heads)
    return residual + attention + 4 * width * sizes.intermediate


def kept(shape: Shape, precision: str, checkpointing: bool) -> float:
    """Return the bytes a token that all layers keep until the backward pass.

    With checkpointing: the residual at each layer's beginning, and one layer's activations while it is recomputed.
    """
    residual = shape.sizes.hidden * (2 if precision == "bfloat16" else 4)
    layer = per_layer(shape, precision)
    body = shape.sizes.layers * residual + layer if checkpointing else shape.sizes.layers * layer
    return body + shape.sizes.hidden * (7 if precision == "bfloat16" else 10)  # embedding and last norm


def passing(shape: Shape, precision: str) -> float:
    """Return the bytes a token of what lives only while a layer computes: about three tensors of the MLP's width, two
    residuals in float32.
    """
    return (3 * (4 if precision == "float32" else 2)) * shape.sizes.intermediate + 8 * shape.sizes.hidden


def logit_blocks(shape: Shape, tokens: float, precision: str, backward: bool) -> float:
    """Return the bytes of log-probabilities and entropies from hidden states, see :mod:`sent.training.logprobs`.

    Two float32 blocks [tokens, block] (three backward, the last in the factors' type), the hidden states and their
    float32 gradient, and backward a gradient of the head.
    """
    width = 4 if precision == "float32" else 2
    block = tokens * min(shape.sizes.vocabulary, max(MIN_BLOCK, BLOCK_ELEMENTS / max(1, tokens)))
    hidden = tokens * shape.sizes.hidden
    total = 8 * block + width * hidden
    if backward:
        total += width * block + 4 * hidden + shape.head * (2 if precision == "bfloat16" else 4)
    return total


def plain_logits(shape: Shape, tokens: float) -> float:
    """Return what the same takes by way of all logits: float32 logits, log-probabilities, probabilities, gradient."""
    return 16.0 * tokens * shape.sizes.vocabulary


def rollout_cache(shape: Shape, settings: Training, width: int) -> float:
    """Return the bytes of a batch of the transformers sampler: its cache, and the last tokens' float32 logits."""
    length = min(shape.sizes.context, settings.max_prompt_tokens + settings.decoding.max_new_tokens)
    sequences = max(1, settings.rollout_batch_tokens // length)
    return settings.rollout_batch_tokens * shape.cache_bytes(width) + 8 * sequences * shape.sizes.vocabulary

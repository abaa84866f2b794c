"""Activations by the formula are what autograd keeps; blocks of logits have the sizes that training uses."""

import contextlib

import pytest
import torch
from sent.config import Architecture
from sent.plan import memory
from sent.plan.sizes import Shape
from sent.training.policy import recompute_activations

SIZES = Architecture(
    layers=3, hidden=64, intermediate=160, heads=8, kv_heads=4, head_dim=8, vocabulary=64, context=512
)


def build(kind: str, dtype: torch.dtype, checkpointing: float):
    transformers = pytest.importorskip("transformers")
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=SIZES.vocabulary, hidden_size=SIZES.hidden, intermediate_size=SIZES.intermediate,
        num_hidden_layers=SIZES.layers, num_attention_heads=SIZES.heads, num_key_value_heads=SIZES.kv_heads,
        head_dim=SIZES.head_dim, max_position_embeddings=SIZES.context, attn_implementation="sdpa",
    )  # fmt: skip
    model = getattr(transformers, f"{kind}ForCausalLM")(config).to(dtype).train()
    if checkpointing:
        recompute_activations(model, checkpointing)
        model.enable_input_require_grads()
    return model


def saved_bytes(model, tokens: int, autocast: bool) -> int:
    """Return the bytes of all storages that the backward pass of ``tokens`` tokens would read, but for weights."""
    storages, alive = {}, []

    def pack(tensor):
        alive.append(tensor)  # else its address could be used again
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    mixed = torch.autocast("cpu", dtype=torch.bfloat16) if autocast else contextlib.nullcontext()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), mixed:
        model.model(input_ids=torch.zeros(2, tokens // 2, dtype=torch.int64), use_cache=False)
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    return sum(size for address, size in storages.items() if address not in weights)


@pytest.mark.parametrize(
    "checkpointing", [0, 0.5, 1], ids=["all kept", "two of three recomputed", "checkpointing"]
)
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "autocast"])
@pytest.mark.parametrize("kind", ["Qwen2", "Qwen3"])
def test_bytes_a_token_are_what_autograd_keeps(kind, precision, checkpointing):
    model = build(kind, torch.bfloat16 if precision == "bfloat16" else torch.float32, checkpointing)
    # The difference of two lengths leaves out what does not grow with them, such as weights cast by autocast.
    few, many = (saved_bytes(model, tokens, precision == "autocast") for tokens in (128, 256))
    shape = Shape(SIZES.model_copy(update={"qk_norm": kind == "Qwen3"}))
    expected = memory.kept_activations(shape, precision, checkpointing)
    if checkpointing == 1:  # the layer that is recomputed exists only in the backward pass
        expected -= memory.layer_activations(shape, precision)
    assert (many - few) / 128 == pytest.approx(expected, rel=0.1 if checkpointing else 0.03)


def test_blocks_are_those_of_training():
    shape = Shape(SIZES.model_copy(update={"vocabulary": 151936, "hidden": 1536}))
    # 2,048 tokens: blocks of 16,384 words; two float32 and one 16-bit block, hidden states, their gradient, the head's.
    expected = 2048 * 16384 * (8 + 2) + 2048 * 1536 * (2 + 4) + 151936 * 1536 * 2
    assert memory.logit_blocks(shape, 2048, "bfloat16", on_gpu=True, backward=True) == expected
    assert memory.plain_logits(shape, 2048) == 16 * 2048 * 151936

"""What sampling and training must know of a causal language model beyond its weights, read from its configuration.

Which columns a layer attends to, how far its positions reach, how its head makes logits; and which models do
something of this kind that is not done here, so that they are refused before anything runs.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from sent.errors import SentError

ALIBI_ALWAYS = ("bloom", "mpt")
"""Model types whose every attention adds a slope over distances to its scores."""
DRIFTING_ROPE = ("dynamic", "longrope")
"""RoPE types whose frequencies depend on the longest sequence of a batch once it exceeds the original context."""


@dataclass(frozen=True)
class Head:
    """How logits come from the head's linear map: ``softcap * tanh(scale * linear / softcap)``, or ``scale * linear``."""

    scale: float = 1.0
    softcap: float | None = None


def text_config(model: Any) -> Any:
    """Return the configuration of a model's language part, which is the whole one for models of text alone."""
    return model.config.get_text_config(decoder=True)


def windows_of(config: Any) -> dict[str, int | None] | int | None:
    """Return the sliding window of a text configuration: one for all layers, or one by kind of layer; None is none.

    A token at position p sees the positions above p - window. Only keys that the family's configuration declares
    count: its forward pass does not read others.
    """
    kinds = set(_declared(config, "layer_types") or ())
    if kinds - {"full_attention"}:
        known = {"full_attention": None, "sliding_attention": config.sliding_window}
        return {kind: known[kind] for kind in sorted(kinds)}
    return None if kinds else _declared(config, "sliding_window")


def context_of(config: Any) -> int | None:
    """Return how many positions a text configuration allows, None if it does not say.

    RoPE whose frequencies change with the length of a batch ends where they would begin to: a response must not
    depend on what it is batched with.
    """
    longest = getattr(config, "max_position_embeddings", None)
    originals = [
        original
        for rope in _ropes(config)
        if rope.get("rope_type") in DRIFTING_ROPE
        and (original := rope.get("original_max_position_embeddings") or longest)
    ]
    return min([longest, *originals], default=None) if longest else None


def head_of(config: Any) -> Head:
    """Return how a text configuration's head makes logits (Gemma caps them, Granite divides, Cohere multiplies)."""
    scale = _declared(config, "logit_scale") or 1.0
    if divisor := _declared(config, "logits_scaling"):
        scale /= divisor
    return Head(scale, _declared(config, "final_logit_softcapping"))


def attention_of(model_class: Any, config: Any) -> str:
    """Return the attention to load a class with: PyTorch's, unless it would leave out capping or is not supported."""
    capped = _declared(config.get_text_config(decoder=True), "attn_logit_softcapping") is not None
    return "eager" if capped or not getattr(model_class, "_supports_sdpa", True) else "sdpa"


def check_config(config: Any, where: str) -> None:
    """Raise :class:`SentError` for a configuration that is known not to be supported, naming its key."""
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    text = config.get_text_config(decoder=True)
    quantization = getattr(config, "quantization_config", None)
    if quantization is not None:
        method = (quantization if isinstance(quantization, dict) else vars(quantization)).get("quant_method")
        raise SentError(
            f"{where}: config.json: 'quantization_config' ({getattr(method, 'value', method)}): quantised weights are "
            "neither sampled from nor trained here; give the model they were made from, in bfloat16 or float32"
        )
    for rope in _ropes(text):
        kind = rope.get("rope_type", rope.get("type", "default"))
        if kind != "default" and kind not in ROPE_INIT_FUNCTIONS:
            known = ", ".join(["default", *sorted(set(ROPE_INIT_FUNCTIONS) - {"default"})])
            raise SentError(
                f"{where}: config.json: 'rope_parameters.rope_type': unknown RoPE '{kind}'; expected one of {known}; "
                "a newer transformers may know it"
            )
    if config.is_encoder_decoder:
        raise SentError(_refusal(where, "'is_encoder_decoder': it reads by an encoder"))
    uses_alibi = getattr(text, "alibi", False) or getattr(text, "position_embedding_type", None) == "alibi"
    if text.model_type in ALIBI_ALWAYS or uses_alibi:
        raise SentError(_refusal(where, f"'model_type' ({text.model_type}): its attention is ALiBi"))
    others = set(getattr(text, "layer_types", None) or ()) - {"full_attention", "sliding_attention"}
    if others:
        raise SentError(_refusal(where, f"'layer_types': it has {', '.join(sorted(others))} layers"))
    if _declared(text, "attention_chunk_size") is not None:
        raise SentError(_refusal(where, "'attention_chunk_size': it attends in chunks"))
    if isinstance(windows_of(text), dict) and text.sliding_window is None:
        raise SentError(
            f"{where}: config.json: 'sliding_window': missing, though 'layer_types' has sliding_attention; "
            "take the config.json that belongs to the weights"
        )


def check_class(model: Any, where: str) -> None:
    """Raise :class:`SentError` for a model of a class that keeps a state other than keys and values, such as Mamba."""
    if getattr(model, "_is_stateful", False) or model.config.model_type.startswith(("mamba", "rwkv")):
        raise SentError(
            _refusal(where, f"'model_type' ({model.config.model_type}): it keeps a recurrent state")
        )
    if model.get_output_embeddings() is None:
        raise SentError(_refusal(where, f"'architectures': {type(model).__name__} has no head of its own"))


def _refusal(where: str, what: str) -> str:
    return (
        f"{where}: config.json: {what}, which is not supported; expected a decoder of full or sliding-window "
        "attention with a key-value cache (Llama, Qwen, Mistral, Gemma, Phi-3, GPT-2, GPT-NeoX, OPT and the like)"
    )


def _declared(config: Any, key: str) -> Any:
    """Return the value of a key that the configuration's class declares, else None."""
    fields = (
        {field.name for field in dataclasses.fields(config)} if dataclasses.is_dataclass(config) else {key}
    )
    return getattr(config, key, None) if key in fields else None


def _ropes(config: Any) -> list[dict]:
    """Return the settings of RoPE: one of the model, or one by kind of layer."""
    given = getattr(config, "rope_parameters", None) or {}
    nested = [value for value in given.values() if isinstance(value, dict)]
    return nested or ([given] if given else [])

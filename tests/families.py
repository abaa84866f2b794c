"""Tiny random models of the families that people train, in windows shorter than the sequences where they have some."""

import torch
import transformers

WINDOW = 7
DECODER = {
    "vocab_size": 24,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": 1,
    "pad_token_id": 0,
}
MIXED = {
    "sliding_window": WINDOW,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
}
GPT2 = {"n_embd": 48, "n_layer": 3, "n_head": 4, "n_positions": 128}
SMALL_VISION = {
    "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28,
    "patch_size": 14,
}  # fmt: skip

FAMILIES = {
    "Llama": ("Llama", {}),
    "Qwen2": ("Qwen2", {}),
    "Qwen2 with windows": ("Qwen2", {"use_sliding_window": True, "max_window_layers": 1, "sliding_window": WINDOW}),
    "Qwen3": ("Qwen3", {"head_dim": 12}),
    "Qwen3 with windows": ("Qwen3", {"head_dim": 12, "use_sliding_window": True, **MIXED}),
    "Mistral": ("Mistral", {"sliding_window": WINDOW}),
    "Mixtral": ("Mixtral", {"sliding_window": WINDOW, "num_local_experts": 2}),
    "Gemma": ("Gemma", {"head_dim": 12}),
    "Gemma 2": ("Gemma2", {"head_dim": 12, **MIXED, "final_logit_softcapping": 3.0, "attn_logit_softcapping": 2.0}),
    "Gemma 3": ("Gemma3", {"head_dim": 12, **MIXED, "final_logit_softcapping": 3.0}),
    "Phi-3": ("Phi3", {"sliding_window": WINDOW}),
    "GPT-2": ("GPT2", GPT2),
    "GPT-NeoX": ("GPTNeoX", {}),
    "OPT": ("OPT", {"ffn_dim": 96, "word_embed_proj_dim": 32}),
    "Falcon": ("Falcon", {"alibi": False, "new_decoder_architecture": True, "num_kv_heads": 2}),
    "Starcoder2": ("Starcoder2", {"sliding_window": WINDOW}),
    "OLMo 2": ("Olmo2", {}),
    "Granite": ("Granite", {"logits_scaling": 4.0, "attention_multiplier": 0.3, "residual_multiplier": 0.5}),
    "Cohere": ("Cohere", {"logit_scale": 0.25}),
    "SmolLM3": ("SmolLM3", {"use_sliding_window": True, "sliding_window": WINDOW, "no_rope_layers": [1, 0, 1]}),
}  # fmt: skip


def make(name: str, seed: int = 0, dropout: float = 0.0, **changes):
    """Return a random model of a family, in the attention that a policy is loaded with; ``changes`` are of its configuration."""
    from sent.models.architecture import attention_of

    family, settings = FAMILIES[name]
    config = getattr(transformers, "Gemma3TextConfig" if family == "Gemma3" else f"{family}Config")
    model_class = getattr(transformers, "GPT2LMHeadModel" if family == "GPT2" else f"{family}ForCausalLM")
    settings = config(**{**DECODER, **settings, **changes})
    for key in vars(settings):
        if key.endswith(("dropout", "_pdrop")) and dropout:
            setattr(settings, key, dropout)
    settings._attn_implementation = attention_of(model_class, settings)
    return _random(model_class, settings, seed)


def multimodal(seed: int = 0):
    """Return a random Gemma 3 that reads images, too."""
    _, settings = FAMILIES["Gemma 3"]
    text = {**DECODER, **settings, "final_logit_softcapping": None}  # which only the class for text applies
    config = transformers.Gemma3Config(
        text_config=text, vision_config=SMALL_VISION, mm_tokens_per_image=4, image_token_index=22,
        boi_token_index=20, eoi_token_index=21, eos_token_id=1,
    )  # fmt: skip
    return _random(transformers.Gemma3ForConditionalGeneration, config, seed)


def _random(model_class, config, seed: int):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = model_class(config)
        for name, parameter in model.named_parameters():
            if "bias" in name or "norm" in name:
                torch.nn.init.normal_(parameter, mean=parameter.mean().item(), std=0.2)
    return model.eval()


def by_name(name: str, seed: int = 0):
    """Return the model of a family, or the multimodal one."""
    return multimodal(seed) if name == "Gemma 3 with vision" else make(name, seed)


NAMES = [*FAMILIES, "Gemma 3 with vision"]

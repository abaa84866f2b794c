"""Which layers get low-rank adapters, and what is said of names that no layer has."""

import pytest
from sent.config import Lora, Pretrain
from sent.errors import SentError
from sent.models import pretrain
from sent.training.adapters import adapted
from sent.training.recipe import adapted_layers
from tiny import language_model
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

LAYERS = ["model.layers.0.mlp.up_proj", "model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj"]


def wrapped(model) -> list[str]:
    """Names of the layers that have an adapter."""
    found = {name.partition(".lora_")[0] for name, _ in model.named_parameters() if ".lora_" in name}
    return sorted(name.removeprefix("base_model.model.") for name in found)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ("all-linear", LAYERS),
        (["q_proj"], LAYERS[1:]),
        (["up_proj", "layers.1.self_attn.q_proj"], [LAYERS[0], LAYERS[2]]),
        (LAYERS[1:2], LAYERS[1:2]),
    ],
)
def test_targets_are_names_or_their_ends(targets, expected):
    assert adapted_layers(Lora(targets=targets), LAYERS, "m") == expected


@pytest.mark.parametrize("target", ["proj", "_proj", "q_proj.weight", "self_attn", "", "Q_proj"])
def test_a_name_that_no_layer_has_is_named_beside_those_there_are(target):
    message = rf"training\.lora\.targets: no linear layer in the decoder of m is called '{target}'.*\(known: q_proj, up_proj\)"
    with pytest.raises(SentError, match=message):
        adapted_layers(Lora(targets=["q_proj", target]), LAYERS, "m")


def test_adapters_go_around_the_layers_that_are_named_alone():
    assert wrapped(adapted(language_model(), Lora(rank=2, targets=["q_proj", "layers.1.mlp.up_proj"]))) == [
        "model.layers.0.self_attn.q_proj", "model.layers.1.mlp.up_proj", "model.layers.1.self_attn.q_proj",
    ]  # fmt: skip
    # The head is no layer of the decoder: log-probabilities are made from its weight, past an adapter.
    with pytest.raises(SentError, match="is called 'lm_head'"):
        adapted(language_model(tied=False), Lora(targets=["lm_head"]))


def test_a_model_without_linear_layers_is_refused():
    model = GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=8, n_embd=4, n_layer=1, n_head=1))
    with pytest.raises(SentError, match=r"training\.lora: .* has no linear layers \(torch\.nn\.Linear\)"):
        adapted(model, Lora())


def test_layers_of_embedded_models_are_known_before_they_are_made(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrain, "_fit", lambda *_: [0.0])
    entry = Pretrain(layers=2, hidden=16, heads=2, steps=1, families=["chain"])
    pretrain.pretrain(entry, tmp_path)
    made = adapted(AutoModelForCausalLM.from_pretrained(tmp_path), Lora(rank=1))
    assert wrapped(made) == sorted(entry.linear_layers)

"""Parameters by the formula are those of real models, built here or published."""

import json

import pytest
import yaml
from sent.config import Architecture, Model, Pretrain, parse
from sent.errors import SentError
from sent.plan import sizes
from sent.plan.sizes import Shape, shape_of

QWEN2_5_1_5B = {
    "layers": 28, "hidden": 1536, "intermediate": 8960, "heads": 12, "kv_heads": 2, "vocabulary": 151936,
    "context": 32768, "tied": True, "qkv_bias": True,
}  # fmt: skip


def build(kind: str, tied: bool, **changes):
    """Return a model of a few thousand parameters with weights that are shared the way its configuration says."""
    transformers = pytest.importorskip("transformers")
    sizes = {
        "vocab_size": 50, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 64, "tie_word_embeddings": tied,
    }  # fmt: skip
    config = getattr(transformers, f"{kind}Config")(**(sizes | changes))
    return getattr(transformers, f"{kind}ForCausalLM")(config)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("kind", ["Qwen2", "Qwen3", "Llama"])
def test_parameters_are_those_of_the_built_model(kind, tied, tmp_path):
    model = build(kind, tied, **({"head_dim": 10} if kind == "Qwen3" else {}))
    model.config.save_pretrained(tmp_path)
    found = Shape(sizes.read(tmp_path / "config.json"))
    assert found.parameters == sum(p.numel() for p in model.parameters())


def test_the_embedded_model_is_known_exactly(tmp_path):
    from sent.models import pretrain

    settings = Pretrain(layers=2, hidden=16, heads=2, steps=1, batch=1, families=["chain"])
    made = pretrain.pretrain(settings, tmp_path)
    entry = Model(pretrain=settings)
    assert shape_of("mine", entry, tmp_path / "nowhere").parameters == made["parameters"]
    assert shape_of("mine", entry, tmp_path) == shape_of("mine", entry, tmp_path / "nowhere")
    assert sizes.read(tmp_path / "config.json").vocabulary == sizes.EMBEDDED_VOCABULARY


def test_parameters_of_published_models():
    """As the model cards and safetensors indices of these models count them."""
    with open("config/models.yaml") as file:
        entries = yaml.safe_load(file)
    published = {
        "deepseek-r1-distill-qwen-1.5b": 1_777_088_000,
        "qwen2.5-math-7b": 7_615_616_512,
        "qwen3-14b": 14_768_307_200,
    }
    for name, count in published.items():
        assert Shape(parse(Model, entries[name], name).architecture).parameters == count
    assert Shape(Architecture(**QWEN2_5_1_5B)).parameters == 1_543_714_304


def test_arithmetic_and_cache_of_a_token_by_hand():
    """Two layers of 8, two query heads and one key head of 4, MLP 16, 10 words."""
    small = Shape(
        Architecture(
            layers=2, hidden=8, intermediate=16, heads=2, kv_heads=1, head_dim=4, vocabulary=10, context=32
        )
    )
    matrices = 8 * 8 + 8 * 8 + 2 * 8 * 4 + 3 * 8 * 16  # query, output, key and value, MLP
    assert small.layer_matrices == matrices
    assert small.layer == matrices + 2 * 8
    assert small.parameters == 2 * 10 * 8 + 2 * small.layer + 8
    # Kaplan et al. 2020: twice the matrices, and for each token attended to two products of the queries' width.
    assert small.forward_flops(5, with_head=0) == 2 * (2 * matrices + 2 * 2 * 8 * 5)
    assert small.forward_flops(0) - small.forward_flops(0, with_head=0) == 2 * 10 * 8
    assert small.cache_bytes(2) == 2 * 2 * 4 * 2


def test_an_unknown_model_is_one_clear_error(tmp_path):
    entry = parse(Model, {"hub": {"repo": "a/b"}}, "m")
    with pytest.raises(SentError, match=r"config/models.yaml: m: its sizes are not known .* `architecture`"):
        shape_of("m", entry, tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "mamba", "hidden_size": 8}))
    with pytest.raises(SentError, match=r"config\.json: not a decoder's .*KeyError.*num_hidden_layers"):
        shape_of("m", entry, tmp_path)

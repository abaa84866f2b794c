"""Loading a policy: all of its weights, or one line that names file and key."""

import json
import shutil

import pytest
import torch
from families import make
from safetensors.torch import load_file, save_file
from sent.__main__ import main
from sent.config import Model
from sent.errors import SentError
from sent.models import folder, loading
from sent.models.architecture import check_config, context_of
from sent.models.loading import load_model, load_tokenizer
from sent.models.prepare import prepare
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

ENTRY = Model(chat=False, dtype="float32")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A tiny Llama (untied) and a tiny Qwen2 (tied), each with a tokenizer of its 24 tokens."""
    place = tmp_path_factory.mktemp("models")
    words = {f"w{i}": i for i in range(24)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="w2")), eos_token="w1", pad_token="w0"
    )
    for name, tied in (("Llama", False), ("Qwen2", True)):
        model = make(name)
        model.config.tie_word_embeddings = tied
        model.tie_weights() if tied else None
        model.save_pretrained(place / name)
        tokenizer.save_pretrained(place / name)
    return place


@pytest.fixture
def llama(saved, tmp_path):
    return shutil.copytree(saved / "Llama", tmp_path / "Llama")


@pytest.fixture
def qwen2(saved, tmp_path):
    return shutil.copytree(saved / "Qwen2", tmp_path / "Qwen2")


def edit(place, change) -> None:
    """Change the tensors of a folder's weights."""
    tensors = load_file(place / "model.safetensors")
    change(tensors)
    save_file(tensors, place / "model.safetensors", metadata={"format": "pt"})


def configure(place, **changes) -> None:
    """Change the folder's config.json."""
    path = place / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def prepared(source, tmp_path):
    """The folder that the stage `models` makes of another."""
    output = tmp_path / "prepared"
    prepare(Model(path=str(source), chat=False, dtype="float32"), "mine", output, {}, loading.check)
    return output


UP = "model.layers.1.mlp.up_proj.weight"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop(UP), rf"1 tensors are missing \({UP}\)"),
        (lambda t: t.pop("lm_head.weight"), r"1 tensors are missing \(lm_head\.weight\)"),
        (lambda t: t.update({"model.extra": torch.ones(2)}), r"1 tensors are not expected \(model\.extra\)"),
        (lambda t: t.update({UP: torch.ones(3, 48)}), rf"1 tensors are misshapen \({UP} \[3, 48\] instead of \[96, 48\]\)"),
        (lambda t: t.clear() or t.update({"x": torch.ones(1)}), r"tensors are missing \(lm_head.weight, model.embed_tokens"),
    ],
)  # fmt: skip
def test_tensors_that_do_not_fit_are_named_wherever_a_model_is_loaded(llama, tmp_path, change, said, capsys):
    load_model(llama, ENTRY, torch.float32)
    edit(llama, change)
    with pytest.raises(SentError, match=rf"its weights do not fit its config\.json: .*{said}"):
        load_model(llama, ENTRY, torch.float32)
    with pytest.raises(SentError, match=rf"model 'mine': .*{said}"):
        prepared(llama, tmp_path)
    from sent.training import policy

    with pytest.raises(SentError, match=said):
        policy.load(llama, ENTRY, torch.float32)
    assert "LOAD REPORT" not in capsys.readouterr().err


def test_tied_weights_may_be_there_once_or_twice(qwen2):
    once = load_file(qwen2 / "model.safetensors")
    assert "lm_head.weight" not in once
    first = load_model(qwen2, ENTRY, torch.float32)
    edit(qwen2, lambda t: t.update({"lm_head.weight": t["model.embed_tokens.weight"].clone()}))
    second = load_model(qwen2, ENTRY, torch.float32)
    ids = torch.arange(2, 12)[None]
    assert first(ids).logits.equal(second(ids).logits)
    edit(qwen2, lambda t: (t.pop("lm_head.weight"), t.pop("model.embed_tokens.weight")))
    with pytest.raises(SentError, match=r"are missing \(.*model\.embed_tokens\.weight"):
        load_model(qwen2, ENTRY, torch.float32)


def test_weights_and_settings_must_be_those_that_were_prepared(llama, tmp_path):
    folder_ = prepared(llama, tmp_path)
    load_model(folder_, ENTRY, torch.float32)
    edit(llama, lambda t: t[UP].mul_(1.01))
    with pytest.raises(
        SentError, match=r"model\.safetensors: its content changed since the model was prepared.*provenance"
    ):
        load_model(folder_, ENTRY, torch.float32)
    load_model(folder_, ENTRY.model_copy(update={"verify_weights": False}), torch.float32)
    configure(llama, rms_norm_eps=1e-3)
    with pytest.raises(SentError, match=r"config\.json: its content changed"):
        load_model(folder_, ENTRY.model_copy(update={"verify_weights": False}), torch.float32)
    (llama / "config.json").unlink()
    with pytest.raises(SentError, match=r"config\.json: missing since"):
        load_model(folder_, ENTRY, torch.float32)


def test_very_large_weights_are_compared_by_size(llama, tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "VERIFIED_BELOW", 1000)
    folder_ = prepared(llama, tmp_path)
    edit(llama, lambda t: t[UP].mul_(1.01))
    load_model(folder_, ENTRY, torch.float32)
    with pytest.raises(SentError, match="its content changed"):
        load_model(folder_, ENTRY.model_copy(update={"verify_weights": True}), torch.float32)
    edit(llama, lambda t: t.update({"more": torch.ones(5)}))
    with pytest.raises(SentError, match="its content changed"):
        load_model(folder_, ENTRY, torch.float32)


def test_a_source_s_own_provenance_stays_as_it_is(llama, tmp_path):
    (llama / "provenance.json").write_text("{}")
    prepared(llama, tmp_path)
    assert (llama / "provenance.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, r"'quantization_config' \(gptq\): quantised weights"),
        ({"rope_scaling": {"type": "weird", "factor": 2.0}, "rope_parameters": None}, "unknown RoPE 'weird'; expected one"),
        ({"rope_parameters": {"rope_type": "weird", "rope_theta": 1e4}}, "'rope_parameters.rope_type': unknown RoPE 'weird'"),
        ({"model_type": "nonesuch"}, r"config\.json: cannot be read as a model's \(ValueError: .*nonesuch"),
        ({"model_type": "vit"}, r"'model_type' \(vit\): no causal language model"),
        ({"model_type": "t5"}, r"'is_encoder_decoder': it reads by an encoder"),
        ({"model_type": "bloom"}, r"'model_type' \(bloom\): its attention is ALiBi, which is not supported"),
        ({"hidden_size": 49}, r"config\.json"),
    ],
)  # fmt: skip
def test_a_configuration_that_is_not_supported_is_one_line_that_names_its_key(llama, tmp_path, changes, said):
    configure(llama, **changes)
    for attempt in (lambda: prepared(llama, tmp_path), lambda: load_model(llama, ENTRY, torch.float32)):
        with pytest.raises(SentError, match=said) as error:
            attempt()
        assert "\n" not in str(error.value)


def test_alibi_is_refused_where_it_is_an_option():
    from transformers import FalconConfig

    check_config(FalconConfig(alibi=False), "m")
    with pytest.raises(SentError, match=r"m: config\.json: 'model_type' \(falcon\): its attention is ALiBi"):
        check_config(FalconConfig(alibi=True), "m")


@pytest.mark.parametrize(("rope", "context"), [("default", 128), ("longrope", 32), ("dynamic", 128)])
def test_a_context_ends_where_rope_would_depend_on_the_batch(rope, context):
    from transformers import Phi3Config

    config = Phi3Config(max_position_embeddings=128, hidden_size=48, num_attention_heads=4, pad_token_id=0)
    config.rope_parameters = {"rope_type": rope}
    if rope == "longrope":
        config.rope_parameters["original_max_position_embeddings"] = 32
    assert context_of(config) == context


@pytest.mark.parametrize("family", ["Mamba", "RecurrentGemma", "Llama4Text", "Jamba"])
def test_recurrent_states_and_chunks_are_refused(tmp_path, family, saved):
    import transformers

    sizes = {
        "vocab_size": 24,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    few = {
        "num_local_experts": 2,
        "num_experts": 2,
        "state_size": 4,
        "lru_width": 16,
        "head_dim": 8,
        "num_key_value_heads": 2,
    }
    model = getattr(transformers, f"{family.removesuffix('Text')}ForCausalLM")(
        getattr(transformers, f"{family}Config")(**sizes, **few)
    )  # fmt: skip
    shutil.copytree(saved / "Llama", tmp_path / "m")
    model.save_pretrained(tmp_path / "m")
    with pytest.raises(
        SentError, match=r"model 'mine': config\.json: '.*which is not supported; expected a decoder"
    ):
        prepared(tmp_path / "m", tmp_path)


def test_the_attention_of_windows_needs_their_width(llama):
    configure(llama, model_type="qwen2", layer_types=["sliding_attention"] * 3, use_sliding_window=False)
    with pytest.raises(
        SentError, match="'sliding_window': missing, though 'layer_types' has sliding_attention"
    ):
        load_model(llama, ENTRY, torch.float32)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config.json", b"not json", r"config\.json"),
        ("config.json", b"\xff\xfe{", r"config\.json"),
        ("model.safetensors", b"\0" * 100, r"model\.safetensors cannot be read"),
        ("tokenizer.json", b"{}", "its tokenizer cannot be loaded"),
        ("tokenizer.json", b'{"model": {"type": "New"}}', "its tokenizer cannot be loaded"),
        ("tokenizer_config.json", b"[", "its tokenizer cannot be loaded"),
        ("provenance.json", b"[", r"provenance\.json: cannot be read"),
    ],
)
def test_a_damaged_file_is_one_line_that_names_it(llama, name, content, said):
    (llama / name).write_bytes(content)
    with pytest.raises(SentError, match=said) as error:
        load_tokenizer(llama, ENTRY)
        load_model(llama, ENTRY, torch.float32)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ("no json", "expected JSON with a weight_map"),
        ("{}", "expected JSON with a weight_map"),
        ('{"weight_map": {"a": "../x.safetensors"}}', "expected names of files in the same folder"),
        ('{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}', r"model-2\.safetensors: missing"),
    ],
)  # fmt: skip
def test_a_bad_index_is_one_line(llama, index, said):
    (llama / "model.safetensors").rename(llama / "model-1.safetensors")
    (llama / folder.INDEX).write_text(index)
    with pytest.raises(SentError, match=rf"{folder.INDEX}.*{said}|{said}"):
        load_model(llama, ENTRY, torch.float32)


def test_weights_that_stand_there_twice_count_once(llama, tmp_path):
    shutil.copy(llama / "model.safetensors", llama / "consolidated.safetensors")
    known = json.loads((prepared(llama, tmp_path) / "provenance.json").read_text())
    assert known["parameters"] == sum(p.numel() for p in make("Llama").parameters())
    (llama / "model.safetensors").unlink()
    with pytest.raises(
        SentError,
        match=r"lacks weights .*save the weights of consolidated\.safetensors as model\.safetensors",
    ):
        prepared(llama, tmp_path)


def test_sampling_says_it_in_one_line(llama, tmp_path, capsys):
    from sent import tables

    questions = tmp_path / "q.parquet"
    rows = [{"question_id": "a", "question": "w3 w4", "answer": "1"}]
    tables.write(questions, tables.table(tables.QUESTIONS, rows), tables.QUESTIONS)
    edit(llama, lambda t: t.pop(UP))
    options = ["--model", '{"chat": false, "dtype": "float32"}', "--output", str(tmp_path / "s.parquet")]
    assert main(["sampling", "--policy", str(llama), "--questions", str(questions), *options]) == 1
    assert f"are missing ({UP})" in capsys.readouterr().err
    assert not (tmp_path / "s.parquet").exists()

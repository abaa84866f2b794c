"""Model folders: what is linked and recorded of a good one, and what is said about a bad one."""

import json
import shutil
from pathlib import Path

import pytest
from sent.__main__ import main
from sent.config import Hub, Model
from sent.errors import SentError
from sent.models import fetch, folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A model of 16 tokens, with rows for 20."""
    from tokenizers import Tokenizer, models
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    place = tmp_path_factory.mktemp("tiny")
    config = LlamaConfig(
        vocab_size=20, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    LlamaForCausalLM(config).save_pretrained(place)
    words = {f"w{i}": i for i in range(16)}
    PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="w0"))
    ).save_pretrained(place)
    (place / "README.md").write_text("---\nlicense: apache-2.0\n---\n# tiny\n")
    return place


@pytest.fixture
def copy(tiny, tmp_path):
    return shutil.copytree(tiny, tmp_path / "copy")


def test_a_good_folder_is_linked_with_its_provenance(tiny, tmp_path):
    output = tmp_path / "out" / "model"
    entry = json.dumps({"path": str(tiny), "dtype": "float32"})
    assert main(["models", "--model", entry, "--name", "tiny", "--output", str(output)]) == 0
    known = json.loads((output / "provenance.json").read_text())
    assert (known["name"], known["origin"], known["revision"]) == ("tiny", str(tiny), None)
    assert (known["licence"], known["vocabulary_model"], known["vocabulary_tokenizer"]) == (
        "apache-2.0",
        20,
        16,
    )
    # embeddings and output 2 x 20 x 8, attention 4 x 8 x 8, MLP 3 x 8 x 8, three norms of 8
    assert known["parameters"] == 320 + 256 + 192 + 24
    assert known["files"]["config.json"]["bytes"] == (tiny / "config.json").stat().st_size
    assert len(known["files"]["model.safetensors"]["sha256"]) == 64
    assert (output / "model.safetensors").resolve() == (tiny / "model.safetensors").resolve()

    from transformers import AutoModelForCausalLM, AutoTokenizer

    assert AutoModelForCausalLM.from_pretrained(output).config.vocab_size == 20
    assert len(AutoTokenizer.from_pretrained(output)) == 16


def test_the_same_folder_serves_as_entailment_model(tiny, tmp_path):
    entry = json.dumps({"path": str(tiny)})
    assert main(["nli", "--model", entry, "--name", "tiny", "--output", str(tmp_path / "nli")]) == 0
    assert (tmp_path / "nli" / "provenance.json").is_file()


def test_a_folder_that_is_no_model_names_all_that_it_lacks(tmp_path):
    with pytest.raises(SentError, match=r"model path .*none: no such folder"):
        fetch.from_path(Model(path=str(tmp_path / "none")), tmp_path / "out")
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(SentError) as error:
        fetch.from_path(Model(path=str(tmp_path)), tmp_path / "out")
    assert (
        "not a model folder: it lacks config.json, weights (model.safetensors), a tokenizer (tokenizer.json); "
        "it holds notes.txt"
    ) in str(error.value)


def test_weights_of_another_format_are_pointed_at(copy):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(
        SentError, match=r"lacks weights .*save the weights of pytorch_model.bin as model.safetensors"
    ):
        folder.check(copy, "m")


def test_a_missing_shard_is_named(copy):
    (copy / "model.safetensors").rename(copy / "model-1.safetensors")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (copy / folder.INDEX).write_text(json.dumps(index))
    with pytest.raises(SentError, match=r"it lacks the shard model-2\.safetensors"):
        folder.check(copy, "m")


def test_cut_off_weights_are_an_error(copy):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(SentError, match=r"m: model\.safetensors cannot be read .*copy or fetch it again"):
        folder.check(copy, "m")


def test_a_config_that_is_none_is_an_error(copy):
    (copy / "config.json").write_text("{}")
    with pytest.raises(SentError, match=r"m: its config\.json is no model's configuration"):
        folder.check(copy, "m")


def test_a_tokenizer_with_more_tokens_than_the_model_has_rows_is_an_error(copy):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(copy)
    tokenizer.add_tokens(["x", "y", "z", "zz", "zzz"])
    tokenizer.save_pretrained(copy)
    with pytest.raises(SentError, match="m: its tokenizer has 21 tokens, its model rows for 20 only"):
        folder.check(copy, "m")


def test_nothing_is_left_of_a_model_that_failed(tmp_path, capsys):
    entry = json.dumps({"path": str(tmp_path)})
    assert main(["models", "--model", entry, "--name", "m", "--output", str(tmp_path / "out" / "m")]) == 1
    assert "error: model path" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "output", ["copy", "copy/.", "."], ids=["itself", "spelt otherwise", "a folder around it"]
)
def test_a_model_is_not_replaced_by_links_to_itself(copy, output, monkeypatch, capsys):
    monkeypatch.chdir(copy.parent)
    entry = json.dumps({"path": "copy", "dtype": "float32"})
    files = {path: path.read_bytes() for path in copy.iterdir()}
    assert main(["models", "--model", entry, "--name", "mine", "--output", output]) == 1
    assert (
        f"model 'mine': --output {Path(output)} holds the model's own `path` (copy)"
        in capsys.readouterr().err
    )
    assert {path: path.read_bytes() for path in copy.iterdir()} == files


def test_a_folder_of_other_files_is_not_replaced(copy, tmp_path, capsys):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").touch()
    entry = json.dumps({"path": str(copy), "dtype": "float32"})
    assert main(["models", "--model", entry, "--name", "mine", "--output", str(tmp_path / "thesis")]) == 1
    assert "thesis: a folder with files that no command of ours has written" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter1.tex"]


def test_an_entry_of_another_kind_is_an_error(tmp_path, capsys):
    entry = json.dumps({"nli": {}})
    assert main(["models", "--model", entry, "--name", "m", "--output", str(tmp_path / "m")]) == 1
    assert "model 'm': its registry entry has none of hub, path, pretrain" in capsys.readouterr().err


def test_a_hub_model_is_taken_at_its_revision(tiny, tmp_path, monkeypatch):
    import huggingface_hub

    asked = {}
    snapshot = shutil.copytree(tiny, tmp_path / "snapshots" / "0123abcd")

    def fake(repo, **options):
        asked.update(options, repo=repo)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake)
    known = fetch.from_hub(Model(hub=Hub(repo="owner/name", revision="v1")), tmp_path / "out")
    assert (known["origin"], known["revision"]) == ("https://huggingface.co/owner/name", "0123abcd")
    assert (asked["repo"], asked["revision"]) == ("owner/name", "v1")
    assert "*.py" not in asked["allow_patterns"]
    assert not any(pattern.endswith(".bin") for pattern in asked["allow_patterns"])
    assert (tmp_path / "out" / "config.json").is_symlink()


def test_without_a_network_the_error_says_what_to_do(tmp_path, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        SentError, match=r"hub model owner/name at abc: cannot be fetched: .*or give a local `path`"
    ):
        fetch.from_hub(Model(hub=Hub(repo="owner/name", revision="abc")), tmp_path / "out")

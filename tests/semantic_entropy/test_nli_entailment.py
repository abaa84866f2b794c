"""Entailment models: labels by name, batches, cut pairs, near ties, and models that are none."""

import json
import math
import re

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sent.config import SemanticEntropy
from sent.errors import SentError
from sent.semantic_entropy.entailment import Pair
from sent.semantic_entropy.entailment.labels import label_order
from sent.semantic_entropy.entailment.loading import load_entailment
from sent.semantic_entropy.entailment.nli import Nli, fill, share_room
from sent.semantic_entropy.entailment.scorer import Scorer

PAIRS = [Pair("what is 3", str(a), str(b)) for a in range(0, 40, 3) for b in (1, 7, a)]


def settings(**changes):
    return SemanticEntropy(entailment="nli", template="{question} ? the answer is {answer} .", **changes)


def edit_config(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_label_order_goes_by_name(tiny_nli):
    assert label_order(tiny_nli(("contradiction", "neutral", "entailment"))) == [0, 1, 2]
    assert label_order(tiny_nli(("ENTAILMENT", "NEUTRAL", "CONTRADICTION"))) == [2, 1, 0]


def test_same_weights_under_other_label_names_mean_something_else(tiny_nli):
    one = tiny_nli(("contradiction", "entailment", "neutral"))
    other = tiny_nli(("entailment", "contradiction", "neutral"))
    with Nli(settings(), one) as nli, Nli(settings(), other) as swapped:
        assert np.allclose(nli.probabilities(PAIRS), swapped.probabilities(PAIRS)[:, [2, 1, 0]])


def test_probabilities_equal_those_of_sentence_transformers(tiny_nli):
    from sentence_transformers import CrossEncoder

    folder = tiny_nli()
    texts = [
        [fill(settings().template, p.question, answer) for answer in (p.premise, p.hypothesis)] for p in PAIRS
    ]
    expected = CrossEncoder(str(folder), device="cpu").predict(texts, apply_softmax=True)
    with Nli(settings(), folder) as nli:
        assert np.allclose(nli.probabilities(PAIRS), expected[:, [0, 2, 1]], atol=1e-5)


def test_a_saved_cross_encoder_loads_as_well(tiny_nli, tmp_path):
    from sentence_transformers import CrossEncoder

    folder = tiny_nli()
    CrossEncoder(str(folder), device="cpu").save_pretrained(str(tmp_path / "saved"))
    with Nli(settings(), folder) as nli, Nli(settings(), tmp_path / "saved") as saved:
        assert np.allclose(nli.probabilities(PAIRS), saved.probabilities(PAIRS), atol=1e-6)


def judged(folder, **changes):
    with Nli(settings(**changes), folder) as nli:
        return nli.judge(PAIRS)


def test_labels_do_not_depend_on_batches(tiny_nli):
    folder = tiny_nli(spread=1.0)
    expected = judged(folder)
    assert len(set(expected)) > 1
    assert judged(folder, batch_tokens=1) == expected
    assert judged(folder, batch_tokens=100) == expected


@pytest.mark.slow
def test_labels_do_not_depend_on_the_number_of_processes(tiny_nli):
    folder = tiny_nli(spread=1.0)
    assert judged(folder, processes=2, batch_tokens=100) == judged(folder)


def test_values_with_braces_are_not_templates():
    assert fill("{question}|{answer}|{x}", "{answer}", "{question}") == "{answer}|{question}|{x}"


def test_template_without_the_answer_is_refused():
    with pytest.raises(ValueError, match=r"template must hold \{answer\}"):
        SemanticEntropy(template="{question}")


def test_pairs_longer_than_the_context_keep_their_ends_and_are_counted(tiny_nli):
    folder = tiny_nli(context=32)
    long = " ".join(["7"] * 100_000)
    with Nli(settings(), folder) as nli:
        ends = nli.probabilities([Pair(long, "1", "2"), Pair(long, "1", "3"), Pair("what", "1", "2")])
        assert nli.facts()["nli_truncated_pairs"] == "2"
    assert not np.allclose(ends[0], ends[1])  # the answers, at the end, were read


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [(3, 4, (3, 4)), (100, 4, (6, 4)), (4, 100, (4, 6)), (100, 100, (5, 5)), (5, 6, (5, 5))],
)
def test_the_longer_text_is_cut_first(one, other, kept):
    assert share_room(one, other, 10) == kept


def test_texts_are_cut_at_their_beginning(tiny_nli):
    with Nli(settings(), tiny_nli(context=16)) as nli:
        [(one, other)], [length] = nli._fitted([("1 2 3 4 5 6 7 8 9", "11 12 13 14 15")])
    assert (one, other, length) == ("2 3 4 5 6 7 8 9", "11 12 13 14 15", 13)


def test_near_ties_in_half_precision_are_scored_again_in_float32(tiny_nli):
    folder = tiny_nli(scale=0.02)
    with Nli(settings(precision="bfloat16"), folder) as half, Nli(settings(), folder) as full:
        assert np.allclose(half.probabilities(PAIRS), full.probabilities(PAIRS), atol=1e-6)
        assert half.facts()["nli_rescored_pairs"] == str(len(PAIRS))


def test_clear_pairs_in_half_precision_are_scored_once(tiny_nli):
    scorer = Scorer(tiny_nli(scale=300.0), "cpu", "bfloat16")
    assert scorer.score([("1", "2"), ("3", "40")]).rescored == 0
    assert scorer.precise is None


def test_scores_that_are_not_numbers_name_the_pair(tiny_nli):
    from transformers import BertForSequenceClassification

    folder = tiny_nli()
    model = BertForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight[4 + 13] = math.nan  # the token "13"
    model.save_pretrained(folder)
    with (
        Nli(settings(), folder) as nli,
        pytest.raises(SentError, match=r"not finite .*for 1 pairs.*is 13 \."),
    ):
        nli.judge([Pair("what", "1", "2"), Pair("what", "1", "13")])


def test_labels_without_names_are_refused(tiny_nli):
    with pytest.raises(SentError, match=r"labels have no names.*LABEL_0"):
        label_order(tiny_nli(("LABEL_0", "LABEL_1", "LABEL_2")))


@pytest.mark.parametrize(
    "names",
    [("entailment", "not_entailment"), ("good", "bad", "neutral"), ("entailment", "entails", "neutral")],
)
def test_unknown_or_missing_label_names_are_refused(tiny_nli, names):
    folder = tiny_nli(("contradiction", "entailment", "neutral"))
    edit_config(folder, id2label=dict(enumerate(names)))
    with pytest.raises(SentError, match=re.escape(f"found {', '.join(names)}")):
        label_order(folder)


def test_a_model_that_is_no_nli_model_is_refused(tiny_nli, tmp_path):
    folder = tiny_nli()
    edit_config(folder, architectures=["Qwen3ForCausalLM"])
    with pytest.raises(SentError, match="no NLI model: its architecture is Qwen3ForCausalLM"):
        load_entailment(settings(), folder)
    with pytest.raises(SentError, match="not a model folder"):
        load_entailment(settings(), tmp_path)
    for damaged in (
        b"{",
        b"",
        b"\xff\xfe\0",
        b"[]",
        b'{"architectures": 1}',
        b'{"id2label": ["a"]}',
        b"[" * 100_000,
    ):
        (tmp_path / "config.json").write_bytes(damaged)
        with pytest.raises(SentError, match=r"config\.json: not a model's configuration in JSON"):
            load_entailment(settings(), tmp_path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), r"lacks weights \(model.safetensors\)"),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b"short"),
            "model.safetensors cannot be read",
        ),
        (lambda folder: (folder / "tokenizer.json").unlink(), r"lacks a tokenizer"),
    ],
)
def test_a_folder_with_a_part_missing_or_damaged_is_refused(tiny_nli, damage, message):
    folder = tiny_nli()
    damage(folder)
    with pytest.raises(SentError, match=message):
        load_entailment(settings(), folder)


def test_pickled_weights_are_not_loaded(tiny_nli):
    folder = tiny_nli()
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(SentError, match=r"save the weights of pytorch_model\.bin as model\.safetensors"):
        load_entailment(settings(), folder)


def test_weights_without_a_trained_head_are_refused(tiny_nli):
    folder = tiny_nli()
    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: tensor for name, tensor in weights.items() if not name.startswith("classifier")},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(SentError, match=r"lack classifier.bias, classifier.weight.*random"):
        Scorer(folder, "cpu", "float32")


def test_weights_of_another_shape_are_refused(tiny_nli):
    folder = tiny_nli()
    edit_config(folder, hidden_size=32)
    with pytest.raises(SentError, match="cannot be loaded"):
        Scorer(folder, "cpu", "float32")


@pytest.mark.slow
def test_a_process_that_dies_is_one_clear_error(tiny_nli):
    with Nli(settings(processes=2), tiny_nli()) as nli:
        nli.judge(PAIRS[:1])
        for process in nli.workers.pool._processes.values():
            process.kill()
        with pytest.raises(SentError, match="died, most likely for lack of memory"):
            nli.judge(PAIRS)


def test_no_model_given():
    with pytest.raises(SentError, match="'nli' needs a model"):
        load_entailment(settings())

"""The embedded entailment model: what it is saved as, that it is the same every time, and that it is good."""

import json

import numpy as np
import pytest
import torch
from sent.__main__ import main
from sent.config import NliTraining
from sent.errors import SentError
from sent.models import nli
from sent.models.nli_pairs import LABELS, statement

HASTY = NliTraining(layers=1, hidden=16, heads=1, steps=3, batch=8, held_out=30, min_accuracy=0.0)


@pytest.fixture(scope="module", autouse=True)
def few_questions():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nli, "QUESTIONS", 200)
        patch.setattr(nli, "HELD_OUT_QUESTIONS", 50)
        yield


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nli")
    nli.train(HASTY, folder)
    return folder


def test_sentence_transformers_and_transformers_load_it_alike(hasty):
    from sentence_transformers import CrossEncoder
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    encoder = CrossEncoder(str(hasty), device="cpu")
    assert encoder.num_labels == 3
    assert encoder.config.id2label == {0: "contradiction", 1: "entailment", 2: "neutral"}
    pair = (statement("Compute 2 * 3.", "6"), statement("Compute 2 * 3.", "$6$"))
    model = AutoModelForSequenceClassification.from_pretrained(hasty).eval()
    tokenizer = AutoTokenizer.from_pretrained(hasty)
    with torch.no_grad():
        logits = model(**tokenizer(*pair, return_tensors="pt")).logits[0].numpy()
    np.testing.assert_allclose(encoder.predict([pair])[0], logits, atol=1e-5)


def test_the_saved_tokenizer_reads_numbers_whole_and_marks_both_texts(hasty):
    from transformers import AutoTokenizer

    encoded = AutoTokenizer.from_pretrained(hasty)("The answer is -117.0.", "The answer is 9.")
    assert encoded.tokens() == [
        *("[CLS]", "the", "answer", "is", "-117", ".0", ".", "[SEP]"),
        *("the", "answer", "is", "9", ".", "[SEP]"),
    ]
    assert encoded["token_type_ids"] == [0] * 8 + [1] * 6


def test_accuracy_is_recorded_with_its_confusion_table(hasty):
    report = json.loads((hasty / "accuracy.json").read_text())
    assert report["pairs"] == 30
    assert list(report["confusion"]) == list(LABELS)
    counts = [[report["confusion"][true][chosen] for chosen in LABELS] for true in LABELS]
    assert np.sum(counts) == 30
    assert report["accuracy"] == np.trace(counts) / 30


def test_training_is_a_function_of_its_settings_and_leaves_the_global_generator_alone(hasty, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    nli.train(HASTY, tmp_path)
    assert torch.equal(torch.rand(3), expected)
    for file in ("model.safetensors", "accuracy.json", "tokenizer.json"):
        assert (tmp_path / file).read_bytes() == (hasty / file).read_bytes()


def test_a_model_below_its_bound_is_an_error(tmp_path):
    with pytest.raises(SentError, match=r"of 30 held-out pairs labelled right, expected at least 100\.00%"):
        nli.train(HASTY.model_copy(update={"min_accuracy": 1.0}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_provenance(tmp_path):
    entry = json.dumps({"nli": HASTY.model_dump(mode="json"), "dtype": "float32"})
    assert main(["nli", "--model", entry, "--name", "hasty", "--output", str(tmp_path / "m")]) == 0
    known = json.loads((tmp_path / "m" / "provenance.json").read_text())
    assert (known["name"], known["origin"]) == ("hasty", "trained in this workflow")
    assert known["vocabulary_model"] == known["vocabulary_tokenizer"]
    assert {"model.safetensors", "tokenizer.json", "accuracy.json"} <= set(known["files"])


@pytest.mark.slow
def test_the_default_model_tells_answers_apart(tmp_path, monkeypatch):
    """The bound of 97% is checked in training; these pairs are written by hand."""
    from sentence_transformers import CrossEncoder

    monkeypatch.setattr(nli, "QUESTIONS", 5000)
    monkeypatch.setattr(nli, "HELD_OUT_QUESTIONS", 500)
    assert nli.train(NliTraining(), tmp_path)["accuracy"] >= 0.97
    question = "Tom has 12 cards, buys 9, sells 3. How many cards now?"
    answers = ("18", "18.0", "$18$", "21", "17", "-18", "180", "12", "9", "3")
    pairs = [(statement(question, a), statement(question, b)) for a in answers for b in answers]
    values = [float(answer.strip("$")) for answer in answers]
    expected = ["entailment" if a == b else "contradiction" for a in values for b in values]
    other = statement("Compute 3 * 6.", "18")
    pairs.append((statement(question, "18"), other))
    scores = CrossEncoder(str(tmp_path), device="cpu").predict(pairs)
    found = [LABELS[i] for i in scores.argmax(axis=1)]
    assert found[-1] == "neutral"
    assert np.mean([a == b for a, b in zip(found[:-1], expected, strict=True)]) >= 0.95

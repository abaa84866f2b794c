"""Sentence embeddings as a backend, with a tiny model of random weights."""

import math

import pytest
from sent.config import SemanticEntropy
from sent.errors import SentError
from sent.semantic_entropy import Answers, cluster, load_entailment
from sent.semantic_entropy.entailment import Label, Pair


@pytest.fixture(scope="module")
def tiny_embedder(tiny_nli, tmp_path_factory):
    """Folder of a sentence-transformers model: a tiny BERT and mean pooling."""
    from sentence_transformers import SentenceTransformer

    folder = tmp_path_factory.mktemp("embedder")
    SentenceTransformer(str(tiny_nli(context=16)), device="cpu").save_pretrained(str(folder))
    return folder


def settings(**changes):
    return SemanticEntropy(entailment="embedding", template="{question} {answer}", **changes)


def test_cosine_against_the_threshold(tiny_embedder):
    with load_entailment(settings(), tiny_embedder) as backend:
        vectors = backend.backend.model.encode(["what 1", "what 50"], normalize_embeddings=True)
    cosine = float(vectors[0] @ vectors[1])
    assert cosine < 0.9999
    for threshold, label in ((cosine - 1e-4, Label.ENTAILMENT), (cosine + 1e-4, Label.NEUTRAL)):
        with load_entailment(settings(cosine_threshold=threshold), tiny_embedder) as backend:
            [found] = backend.judge([Pair("what", "1", "50")])
        assert found == (label, "embedding")


def test_one_direction_is_judged_and_stored(tiny_embedder):
    with load_entailment(settings(cosine_threshold=-1), tiny_embedder) as backend:
        [found] = cluster([Answers("what", ["1", "2", "1"])], backend)
        assert (found.labels, found.decided_by) == ([0, 0, 0], ["first", "embedding", "exact"])
        assert backend.judged == 1
        assert backend.facts()["cosine_threshold"] == "-1.0"


def test_the_end_of_a_long_sentence_is_read(tiny_embedder):
    question = " ".join(["7"] * 40)
    with load_entailment(settings(cosine_threshold=1 - 1e-6), tiny_embedder) as backend:
        [found] = cluster([Answers(question, ["1", "2"])], backend)
    assert found.labels == [0, 1]


def test_vectors_that_are_not_numbers_name_the_sentence(tiny_embedder):
    with load_entailment(settings(), tiny_embedder) as backend:
        backend.backend.model[0].auto_model.embeddings.word_embeddings.weight.data[4 + 13] = math.nan
        with pytest.raises(SentError, match="embedding of 'what 1' or 'what 13' is not finite"):
            backend.judge([Pair("what", "1", "13")])


def test_a_folder_that_is_no_embedder_is_refused(tiny_nli):
    with pytest.raises(SentError, match="no sentence embedding model"):
        load_entailment(settings(), tiny_nli())

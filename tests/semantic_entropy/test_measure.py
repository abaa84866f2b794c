"""One call from texts to entropy, and the eight ways in which responses present an answer."""

import math
import random
from collections import Counter

import pytest
import sent.semantic_entropy
from sent.errors import SentError
from sent.semantic_entropy import Answers, SemanticEntropy, cluster, load_entailment, semantic_entropy
from sent.semantic_entropy.estimators import discrete
from sent.semantic_entropy.stated import StatedAnswers

PRESENTATIONS = {
    "boxed": "So it is \\boxed{%s}.",
    "phrase": "We add them. The answer is %s.",
    "code fence": "We add them. The answer is:\n```\n%s\n```",
    "display": "We add them. The answer is\n\\[\n%s\n\\]",
    "hashes": "3+4=7\n#### %s",
    "bold": "We add them.\n\n**%s**",
    "heading": "We add them.\n\n## Answer\n\n%s",
    "tag": "<think>We add them.</think>\n<answer>%s</answer>",
}


def test_one_call_from_texts_to_entropy():
    found = semantic_entropy("What is 1/2 + 1/4?", ["It is \\boxed{3/4}.", "The answer is 0.75.", "1", None])
    assert found.clusters == [0, 0, 1, 2]
    assert found.answers == ["3/4", "0.75", "1", None]
    assert found.semantic_entropy == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(4))
    assert (found.n_clusters, found.n_unparsable, found.estimators["n_samples"]) == (3, 1, 4)


def test_log_probabilities_backends_and_settings_are_taken():
    responses = ["\\boxed{1}", "\\boxed{2}"]
    found = semantic_entropy("q", responses, logprobs=[[-1.0], [-1.0, -1.0]], unparsable="dropped")
    assert found.estimators["rao_blackwell"] == pytest.approx(math.log(2))
    with load_entailment(SemanticEntropy(entailment="exact")) as backend:
        assert semantic_entropy("q", ["7", "7.0"], entailment=backend).clusters == [0, 1]
    assert semantic_entropy("q", ["so: 3", "so: 3"], answer_phrases=["so:"]).answers == ["3", "3"]


def test_what_does_not_fit_is_an_error():
    with pytest.raises(SentError, match="one text"):
        semantic_entropy("q", "3")
    with pytest.raises(SentError, match="1 `logprobs` for 2 responses"):
        semantic_entropy("q", ["3", "4"], logprobs=[[-1.0]])
    with pytest.raises(SentError, match="criterium"):
        semantic_entropy("q", ["3", "4"], criterium="strict")


def test_names_complete():
    assert {"semantic_entropy", "cluster", "estimators"} <= set(dir(sent.semantic_entropy))
    for name in sent.semantic_entropy.__all__:
        assert getattr(sent.semantic_entropy, name) is not None


def grade_school_answers(questions: int, samples: int) -> list[list[str]]:
    """Whole numbers, money and decimals, of which some samples of a question agree."""
    draw = random.Random(7)
    found = []
    for _ in range(questions):
        number = draw.choice([draw.randint(1, 99), draw.randint(100, 99_999), draw.randint(1, 400) / 4])
        others = [number + draw.randint(1, 9), number * 2, number - 1]
        drawn = [number if draw.random() < 0.6 else draw.choice(others) for _ in range(samples)]
        found.append([f"{value:,}" if draw.random() < 0.3 else f"{value}" for value in drawn])
    return found


@pytest.mark.parametrize("presentation", PRESENTATIONS)
def test_the_presentation_of_answers_does_not_change_mean_entropy(presentation):
    """1,309 questions x 4 in each of eight presentations."""
    answers = grade_school_answers(1309, 4)
    true = [discrete(list(Counter(float(a.replace(",", "")) for a in row).values())) for row in answers]
    stated = StatedAnswers()
    questions = [Answers("q", [stated(PRESENTATIONS[presentation] % a) for a in row]) for row in answers]
    with load_entailment(SemanticEntropy(entailment="math_verify")) as backend:
        found = [discrete(clustering.counts()) for clustering in cluster(questions, backend)]
    assert sum(found) == pytest.approx(sum(true), rel=0.01)
    assert stated.silent == 0


def test_the_partition_does_not_depend_on_the_order_of_samples():
    pairs = "1/2 0.5|abc bca|twelve 12|\\text{OptionC} (C)|x=3 3|Yes yes!"
    answers = pairs.replace("OptionC", "Option~C").replace("|", " ").split()
    with load_entailment(SemanticEntropy(entailment="math_verify")) as backend:
        for seed in range(20):
            order = random.Random(seed).sample(range(len(answers)), len(answers))
            [found] = cluster([Answers("q", [answers[i] for i in order])], backend)
            groups = {
                frozenset(order[j] for j, label in enumerate(found.labels) if label == n)
                for n in set(found.labels)
            }
            assert groups == {frozenset((i, i + 1)) for i in range(0, 12, 2)}

"""Semantic entropy of responses drawn at random: nothing raises or takes long, and order changes no meaning."""

import math

from hostile import COUNT, Clock, bent, drawn, response, shown
from sent.config import SemanticEntropy
from sent.grading.answers import normal_form
from sent.semantic_entropy import semantic_entropy
from sent.semantic_entropy.clustering import equivalent
from sent.semantic_entropy.entailment import Pair
from sent.semantic_entropy.entailment.math_verify import MathVerify


def responses(rng) -> list[str]:
    """Four responses to a question, two of them alike."""
    first = response(rng)
    return [first, bent(rng, first), first, response(rng)]


def test_random_inputs_of_semantic_entropy():
    clock = Clock()
    with MathVerify(SemanticEntropy()) as judge:
        judge.grader._ask_workers = lambda pairs: ["timeout"] * len(pairs)
        for texts in drawn(responses, "semantic entropy", COUNT // 4):
            with clock.limit(texts, len(texts)):
                found = semantic_entropy("How many?", texts, entailment=judge)
            assert 0 <= found.semantic_entropy <= math.log(4) + 1e-9
            assert found.clusters[0] == 0 and max(found.clusters) < 4
            if found.answers[0] and normal_form(found.answers[0]):
                assert found.clusters[0] == found.clusters[2], shown(texts)
                if other := found.answers[3]:
                    ways = [Pair("", found.answers[0], other), Pair("", other, found.answers[0])]
                    assert equivalent(ways[:1], judge) == equivalent(ways[1:], judge), shown(texts)
    clock.report("semantic entropy, four responses each")

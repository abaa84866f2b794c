"""Mathematics and hybrid as backends."""

import logging

import pytest
from sent.config import SemanticEntropy
from sent.semantic_entropy import Answers, cluster, load_entailment
from sent.semantic_entropy.entailment import Judgement, Label, Pair
from sent.semantic_entropy.entailment.hybrid import Hybrid
from sent.semantic_entropy.entailment.math_verify import UNDECIDED, MathVerify


def labels(answers, **settings):
    with load_entailment(SemanticEntropy(**settings)) as entailment:
        [found] = cluster([Answers("q", answers)], entailment)
    return found


def test_notations_of_one_number_are_one_meaning():
    found = labels([r"\frac{1}{2}", "0.5", "1", r"\dfrac12", "2/4", "1.0"], entailment="math_verify")
    assert found.labels == [0, 0, 1, 0, 0, 1]
    assert found.decided_by[:3] == ["first", "math_verify", "first"]


def test_formulas_are_compared_by_symbolic_algebra():
    found = labels(["x^2+2x+1", "(x+1)^2", "x^2+1"], entailment="math_verify")
    assert found.labels == [0, 0, 1]


def test_words_are_not_products_of_letters():
    assert labels(["east", "seat", "East"], entailment="math_verify").labels == [0, 1, 0]


def test_exact_joins_only_equal_texts():
    found = labels(["7", "7.0", "$7$"], entailment="exact")
    assert (found.labels, found.decided_by) == ([0, 1, 0], ["first", "first", "exact"])


def hybrid_of(mathematics, nli):
    hybrid = Hybrid(SemanticEntropy(), None)
    hybrid.math_verify, hybrid.nli = mathematics, nli
    return hybrid


def test_hybrid_asks_the_model_about_comparisons_that_were_cut_off():
    class CutOff(MathVerify):
        def judge(self, pairs, advance=None):
            return [UNDECIDED] * len(pairs)

    with hybrid_of(CutOff(SemanticEntropy()), Names()) as hybrid:
        [found] = cluster([Answers("q", ["1^{99}", "1", "2"])], hybrid)
    assert (found.labels, found.decided_by) == ([0, 0, 1], ["first", "nli", "first"])


@pytest.mark.slow
def test_a_comparison_that_never_ends_is_cut_off_and_the_rest_is_judged():
    found = labels(["9^{9^{9^9}}", "9^{9^{9^{9}}}+1", "4", "2+2"], entailment="math_verify")
    assert found.labels == [0, 1, 2, 2]


def test_a_hundred_thousand_characters_are_an_answer_of_their_own():
    assert labels(["1" * 100_000, "2" * 100_000, "3"], entailment="math_verify").labels == [0, 1, 2]


class Names:
    """Stands in for an entailment model: answers that begin alike mean the same."""

    judged = 0

    def judge(self, pairs):
        self.judged += len(pairs)
        return [
            Judgement(Label.ENTAILMENT if p.premise[0] == p.hypothesis[0] else Label.CONTRADICTION, "nli")
            for p in pairs
        ]

    def facts(self):
        return {"nli_model": "names"}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


def test_hybrid_asks_the_model_only_for_words():
    names = Names()
    with hybrid_of(MathVerify(SemanticEntropy()), names) as hybrid:
        [found] = cluster([Answers("q", ["1/2", "0.5", "1", "Paris", "Paris, France", "Rome"])], hybrid)
        facts = hybrid.facts()
    assert found.labels == [0, 0, 1, 2, 2, 3]
    assert found.decided_by == ["first", "math_verify", "first", "first", "nli", "first"]
    assert names.judged == hybrid.judged - hybrid.math_verify.judged > 0
    assert facts["nli_model"] == "names"


def test_hybrid_without_a_model_counts_what_it_cannot_decide(caplog):
    with caplog.at_level(logging.WARNING, "sent"):
        found = labels(["Paris", "Paris, France", "3"], entailment="hybrid")
    assert found.labels == [0, 1, 2]
    # Paris with both others, then "Paris, France" with 3.
    assert "3 pairs that mathematics cannot decide" in caplog.text


@pytest.mark.parametrize(("entailment", "judged"), [("math_verify", 2), ("hybrid", 4)])
def test_no_pair_is_judged_twice(entailment, judged):
    # Mathematics does not read the question, an entailment model does.
    with load_entailment(SemanticEntropy(entailment=entailment)) as backend:
        for _ in range(2):
            cluster([Answers("q", ["1/2", "0.5"]), Answers("another", ["1/2", "0.5"])], backend)
        assert backend.judged == judged
        assert backend.facts()["judged_pairs"] == str(judged)


def test_results_do_not_depend_on_the_number_of_processes():
    questions = [Answers("q", [f"{i}/{j}" for i in range(1, 5) for j in range(1, 4)] + ["x+x", "2x", "3x"])]
    found = []
    for processes in (1, 2):
        with load_entailment(SemanticEntropy(entailment="math_verify", processes=processes)) as entailment:
            found.append(cluster(questions, entailment))
    assert found[0] == found[1]


def test_both_directions_count():
    with MathVerify(SemanticEntropy(entailment="math_verify")) as backend:
        forward, backward = (
            backend.judge([Pair("q", *pair)])[0].label for pair in (("0.3333", "1/3"), ("1/3", "0.3333"))
        )
    assert {forward, backward} == {Label.ENTAILMENT, Label.NEUTRAL}
    assert labels(["0.3333", "1/3"], entailment="math_verify").labels == [0, 1]


def test_a_question_has_one_budget_of_time(monkeypatch):
    asked = []
    with MathVerify(SemanticEntropy(entailment="math_verify")) as backend:
        monkeypatch.setattr(
            backend.grader, "_ask_workers", lambda pairs: asked.extend(pairs) or ["timeout"] * len(pairs)
        )
        products = [rf"\prod_{{n=1}}^{{10^9}} (n+{i})" for i in range(4)]
        [found] = cluster([Answers("q", [*products, "0.5", "1/2"])], backend)
    assert found.labels == [0, 1, 2, 3, 4, 4]
    assert len(asked) == 5  # of the first round only

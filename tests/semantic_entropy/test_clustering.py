"""Clustering in rounds against the sequential greedy algorithm, written out plainly."""

import random

import pytest
from sent.semantic_entropy.clustering import Answers, Clustering, cluster
from sent.semantic_entropy.entailment import Label

LABELS = [Label.CONTRADICTION, Label.NEUTRAL, Label.ENTAILMENT]


def agree(forward, backward, criterion):
    """The two criteria as Farquhar et al. write them: 0 contradiction, 1 neutral, 2 entailment."""
    if criterion == "strict":
        return forward == 2 and backward == 2
    return 0 not in (forward, backward) and [forward, backward] != [1, 1]


def sequential(answers, label_of, criterion):
    """Greedy first match, one comparison after the other; returns labels and compared pairs."""
    representatives, labels, compared = [], [], set()
    for answer in answers:
        for number, representative in enumerate(representatives):
            if representative == answer:
                labels.append(number)
                break
            compared.add((representative, answer))
            if agree(label_of(representative, answer), label_of(answer, representative), criterion):
                labels.append(number)
                break
        else:
            labels.append(len(representatives))
            representatives.append(answer)
    return labels, compared


def random_case(number):
    draw = random.Random(number)
    vocabulary = [f"w{i}" for i in range(draw.randint(1, 9))]
    table = {(a, b): draw.choice(LABELS) for a in vocabulary for b in vocabulary}
    if draw.random() < 0.3:
        table = {(a, b): table[min(a, b), max(a, b)] for a, b in table}
    batch = [draw.choices(vocabulary, k=draw.randint(0, 12)) for _ in range(draw.randint(1, 5))]
    return batch, table


@pytest.mark.parametrize("criterion", ["strict", "non_strict"])
def test_labels_and_pairs_equal_the_sequential_algorithm_for_1000_random_relations(relation, criterion):
    for number in range(1000):
        batch, table = random_case(number)
        backend = relation(lambda a, b, table=table: table[a, b])
        found = cluster([Answers("q", answers) for answers in batch], backend, criterion)
        expected = [
            sequential(answers, lambda a, b, table=table: table[a, b], criterion) for answers in batch
        ]
        assert [clustering.labels for clustering in found] == [labels for labels, _ in expected], number
        asked = {frozenset(pair) for call in backend.calls for pair in call}
        assert asked == {frozenset(pair) for _, pairs in expected for pair in pairs}, number


def test_number_of_comparisons_is_that_of_the_formula(relation):
    # Clusters of distinct texts of sizes 3, 2, 1 in order: sum of k * n_k, minus K = 3 + 4 + 3 - 3 = 7 pairs.
    answers = ["a1", "b1", "a2", "c1", "b2", "a3"]
    backend = relation(lambda a, b: a[0] == b[0])
    [found] = cluster([Answers("q", answers)], backend)
    assert found.labels == [0, 1, 0, 2, 1, 0]
    pairs = {frozenset(pair) for call in backend.calls for pair in call}
    assert len(pairs) == 7
    # The second direction only where the first entails: 7 forward and 3 backward.
    assert backend.judged == 10


def test_a_round_is_one_batch_over_all_questions(relation):
    backend = relation(lambda a, b: False)
    cluster([Answers("q", ["a", "b", "c"]), Answers("r", ["d", "e", "f"])], backend)
    assert [len(call) for call in backend.calls if call] == [4, 2]


def test_one_direction_is_not_enough_when_strict(relation):
    one_way = relation(lambda a, b: (a, b) == ("2 and 3", "2"))
    [strict] = cluster([Answers("q", ["2 and 3", "2"])], one_way, "strict")
    [loose] = cluster([Answers("q", ["2 and 3", "2"])], one_way, "non_strict")
    assert (strict.labels, loose.labels) == ([0, 1], [0, 0])


def test_contradiction_in_one_direction_parts_when_not_strict(relation):
    backend = relation(lambda a, b: Label.ENTAILMENT if a < b else Label.CONTRADICTION)
    [found] = cluster([Answers("q", ["a", "b"])], backend, "non_strict")
    assert found.labels == [0, 1]


def test_two_neutral_directions_part_when_not_strict(relation):
    [found] = cluster([Answers("q", ["a", "b"])], relation(lambda a, b: Label.NEUTRAL), "non_strict")
    assert found.labels == [0, 1]


def test_second_direction_of_a_symmetric_backend_is_not_asked(relation):
    backend = relation(lambda a, b: True)
    backend.symmetric = True
    [found] = cluster([Answers("q", ["a", "b"])], backend)
    assert found.labels == [0, 0]
    assert backend.judged == 1


def test_equal_texts_are_compared_once_and_say_so(relation):
    backend = relation(lambda a, b: {a, b} == {"7", "7.0"})
    [found] = cluster([Answers("q", ["7", "8", "$7$", "7.0", "7.0", "8"])], backend)
    assert found.labels == [0, 1, 0, 0, 0, 1]
    assert found.decided_by == ["first", "first", "exact", "relation", "exact", "exact"]
    assert backend.judged == 3  # 7 with 8, 7 with 7.0, and the latter backward


@pytest.mark.parametrize(
    ("unparsable", "labels"),
    [("singleton", [0, 1, 0, 2, 3]), ("pooled", [0, 1, 0, 1, 1]), ("dropped", [0, -1, 0, -1, -1])],
)
def test_responses_without_an_answer(relation, unparsable, labels):
    [found] = cluster(
        [Answers("q", ["5", None, "5", "", "  "])], relation(lambda a, b: False), "strict", unparsable
    )
    assert found.labels == labels
    assert found.decided_by == ["first", "unparsable", "exact", "unparsable", "unparsable"]


@pytest.mark.parametrize("answers", [[], [None], ["1"]])
def test_fewer_than_two_answers_need_no_backend(relation, answers):
    backend = relation(lambda a, b: True)
    [found] = cluster([Answers("q", answers)], backend)
    assert found.labels == list(range(len(answers)))
    assert backend.judged == 0


def test_clusters_are_counted_by_number():
    assert Clustering([0, 1, 0, -1, 2, 0], [""] * 6).counts() == [3, 1, 1]
    assert Clustering([-1], ["unparsable"]).counts() == []

"""Which question lands in which stage, and why."""

import pytest
from sent.config import Curriculum
from sent.curriculum.sort import sort
from sent.errors import SentError


def row(id_, entropy=0.5, clusters=None, accuracy=0.5, nll=0.2, tokens=10.0, **more):
    clusters = (1 if entropy == 0 else 2) if clusters is None else clusters
    return {
        "question_id": id_,
        "semantic_entropy": entropy,
        "n_clusters": clusters,
        "accuracy": accuracy,
        "mean_token_nll": nll,
        "mean_tokens": tokens,
    } | more


def placed(rows, first_stage=1, **settings):
    return [(p.id, p.stage) for p in sort(rows, Curriculum(**settings), first_stage)]


def stages(rows, first_stage=1, **settings):
    found = placed(rows, first_stage, **settings)
    return [[id_ for id_, stage in found if stage == k] for k in range(1, settings.get("n_stages", 2) + 1)]


def test_two_halves_by_entropy():
    rows = [row("d", 0.9), row("a", 0.0), row("c", 0.7), row("b", 0.3)]
    assert placed(rows) == [("a", 1), ("b", 1), ("c", 2), ("d", 2)]


def test_sizes_that_do_not_divide_are_rounded_half_up():
    rows = [row(f"{i}", i / 10) for i in range(10)]
    assert [len(stage) for stage in stages(rows[:3])] == [2, 1]
    assert [len(stage) for stage in stages(rows[:5])] == [3, 2]
    assert [len(stage) for stage in stages(rows, n_stages=3)] == [3, 4, 3]


def test_ties_go_by_nll_then_length_then_id():
    rows = [
        row("unknown", nll=None),
        row("z", nll=0.1, tokens=5.0),
        row("y", nll=0.1, tokens=9.0),
        row("b", nll=0.3),
        row("a", nll=0.3),
        row("no length", nll=0.3, tokens=None),
        row("easier", 0.4, nll=9.0),
    ]
    assert [id_ for id_, _ in placed(rows)] == ["easier", "z", "y", "a", "b", "no length", "unknown"]


def test_consistently_wrong_questions_come_last():
    rows = [row("wrong", 0.0, accuracy=0.0), row("right", 0.0, accuracy=1.0), row("mixed", 0.6)]
    assert placed(rows) == [("right", 1), ("mixed", 1), ("wrong", 2)]
    assert placed(rows, consistently_wrong="plain") == [("right", 1), ("wrong", 1), ("mixed", 2)]


def test_consistently_wrong_questions_are_never_in_the_easiest_stage_however_many():
    rows = [row(f"w{i}", 0.0, accuracy=0.0) for i in range(9)] + [row("ok", 0.6)]
    assert stages(rows) == [["ok"], [f"w{i}" for i in range(9)]]
    assert len(stages(rows, consistently_wrong="plain")[0]) == 5


def test_unknown_accuracy_is_not_wrong():
    assert placed([row("unknown", 0.0, accuracy=None), row("other", 0.5)])[0] == ("unknown", 1)


def test_wrong_but_not_always_the_same_is_sorted_by_entropy():
    assert placed([row("a", 0.2, accuracy=0.0), row("b", 0.5)])[0] == ("a", 1)


@pytest.mark.parametrize("choice", ["hardest", "plain"])
def test_questions_without_answers_come_last_even_in_plain_order(choice):
    rows = [row("silent", 0.0, clusters=0, accuracy=None), row("a", 0.1), row("b", 0.9)]
    found = sort(rows, Curriculum(consistently_wrong=choice))
    assert (found[-1].id, found[-1].stage) == ("silent", 2)
    assert "difficulty unknown" in found[-1].why


def test_unequal_shares():
    rows = [row(f"{i}", i / 10) for i in range(10)]
    assert [len(stage) for stage in stages(rows, n_stages=3, cuts=[0.2, 0.5])] == [2, 3, 5]


def test_cuts_by_value_hold_their_upper_end():
    rows = [row("a", 0.0), row("b", 0.5), row("c", 0.51), row("w", 0.0, accuracy=0.0)]
    assert stages(rows, boundaries="value", cuts=[0.5]) == [["a", "b"], ["c", "w"]]


def test_cuts_by_number_of_clusters():
    rows = [row("a", 0.0), row("b", 0.69, clusters=2), row("c", 0.46, clusters=3), row("d", 1.5, clusters=5)]
    found = stages(rows, n_stages=3, boundaries="cluster_count", cuts=[1, 3])
    assert found == [["a"], ["c", "b"], ["d"]]


def test_another_estimator_sorts():
    rows = [row("a", 0.1, chao_shen=2.0), row("b", 0.9, chao_shen=1.0)]
    assert placed(rows, score="chao_shen") == [("b", 1), ("a", 2)]


def test_an_estimator_that_is_unknown_is_an_error():
    with pytest.raises(SentError, match="question 'a' has no rao_blackwell"):
        sort([row("a", rao_blackwell=None), row("b", rao_blackwell=0.1)], Curriculum(score="rao_blackwell"))


@pytest.mark.parametrize(
    ("drop", "left"),
    [
        (["all_wrong"], {"right", "mixed", "agreed"}),
        (["all_correct"], {"wrong", "mixed", "agreed"}),
        (["zero_entropy"], {"wrong", "mixed"}),
        (["all_wrong", "zero_entropy"], {"mixed"}),
    ],
)
def test_filters(drop, left):
    rows = [
        row("wrong", 0.7, accuracy=0.0),
        row("right", 0.0, accuracy=1.0),
        row("mixed"),
        row("agreed", 0.0),
    ]
    found = sort(rows, Curriculum(n_stages=1, drop=drop))
    assert {p.id for p in found if p.stage == 1} == left
    assert {p.id for p in found if p.stage is None} == {"wrong", "right", "mixed", "agreed"} - left
    assert all(p.why.startswith("left out: every answer") for p in found if p.stage is None)


def test_reverse_is_the_mirror_image():
    rows = [row("a", 0.1), row("b", 0.2), row("c", 0.3), row("w", 0.0, accuracy=0.0), row("d", 0.4)]
    assert placed(rows, order="reverse") == [(id_, 3 - stage) for id_, stage in reversed(placed(rows))]


def test_random_order_has_stages_of_the_same_sizes_and_depends_on_the_seed_alone():
    rows = [row(f"{i}", i / 10) for i in range(10)]
    first = stages(rows, order="random", cuts=[0.3])
    assert [len(stage) for stage in first] == [3, 7]
    assert stages(rows[::-1], order="random", cuts=[0.3]) == first
    assert stages(rows, order="random", cuts=[0.3], seed=1) != first


def test_every_row_says_why():
    rows = [row("a", 0.25), row("b", 0.5), row("w", 0.0, accuracy=0.0)]
    found = {p.id: p.why for p in sort(rows, Curriculum())}
    assert found == {
        "a": "semantic_entropy 0.25, rank 1 of 3",
        "b": "semantic_entropy 0.5, rank 2 of 3",
        "w": "the same wrong answer every time: behind all others",
    }


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([row("a")], {}, "stage 2 of 2 would hold no question"),
        ([row("a", 0.2), row("b", 0.3)], {"boundaries": "value", "cuts": [0.5]}, "stage 2 of 2 .*0.2 to 0.3"),
        ([row(f"{i}", 0.0, accuracy=0.0) for i in range(4)], {}, "4 of them consistently wrong"),
    ],
)
def test_an_empty_stage_is_an_error(rows, settings, message):
    with pytest.raises(SentError, match=message):
        sort(rows, Curriculum(**settings))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"boundaries": "value"}, "need cuts: 1 ascending"),
        ({"cuts": [0.2, 0.5]}, "2 stages need 1 ascending cuts"),
        ({"n_stages": 3, "cuts": [0.5, 0.5]}, "3 stages need 2 ascending cuts"),
        ({"cuts": [1.5]}, "shares between 0 and 1"),
    ],
)
def test_cuts_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Curriculum(**settings)


def test_sorting_anew_places_in_the_stages_that_are_left():
    rows = [row(f"{i}", i / 10) for i in range(6)]
    assert stages(rows, first_stage=2, n_stages=3) == [[], ["0", "1", "2"], ["3", "4", "5"]]
    assert stages(rows, first_stage=3, n_stages=3) == [[], [], list("012345")]
    # Shares of what is left: 0.2 of 1, then 0.3 and 0.5 of the other 0.8.
    assert [len(s) for s in stages(rows, first_stage=2, n_stages=3, cuts=[0.2, 0.5])] == [0, 2, 4]
    by_value = stages(rows, first_stage=2, n_stages=3, boundaries="value", cuts=[0.1, 0.3])
    assert by_value == [[], ["0", "1", "2", "3"], ["4", "5"]]

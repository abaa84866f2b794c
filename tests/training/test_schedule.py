"""What is trained on, in what order, for how many steps."""

import json
import math
from collections import Counter

import pytest
from sent import tables
from sent.__main__ import main
from sent.config import Adaptive, Training
from sent.errors import SentError
from sent.experiment import read
from sent.training.schedule import (
    AdaptiveStream,
    QuestionStream,
    learning_rate_factor,
    stage_steps,
    total_steps,
)
from sent.training.stage import read_questions, stream_of


def settings(**changes) -> Training:
    return Training(**{"prompts_per_step": 4, "minibatch_prompts": 2} | changes)


def test_epochs_give_enough_steps_for_the_last_partial_batch():
    assert total_steps(settings(epochs=1), 8) == 2
    assert total_steps(settings(epochs=1), 9) == 3
    assert total_steps(settings(epochs=2.5), 8) == 5
    assert total_steps(settings(epochs=1, steps=7), 8) == 7


def test_the_learning_rate_falls_as_transformers_schedules_do():
    """Of one stage; transformers' warm-up starts at 0, ours at the first share, so updates after it are compared."""
    import torch
    from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

    for kind, oracle in (
        ("linear", get_linear_schedule_with_warmup),
        ("cosine", get_cosine_schedule_with_warmup),
    ):
        given = settings(lr_schedule=kind, warmup_updates=4)
        (factor,) = oracle(torch.optim.SGD([torch.zeros(1)], lr=1.0), 4, 20).lr_lambdas
        for update in range(4, 20):
            assert learning_rate_factor(given, update, 0, 20) == pytest.approx(factor(update))
        assert learning_rate_factor(given, 0, 0, 20) == pytest.approx(1 / 5)
        assert learning_rate_factor(given, 25, 0, 20) == pytest.approx(0)


def test_the_learning_rate_falls_over_all_stages_and_warms_up_in_each():
    falling = settings(lr_schedule="linear", warmup_updates=1)
    whole = [learning_rate_factor(falling, n, 0, 9) for n in range(9)]
    assert whole == pytest.approx([0.5, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    second = [learning_rate_factor(falling, n, 4, 9) for n in range(5)]
    assert second == pytest.approx([whole[4] / 2, *whole[5:]])
    constant = settings(warmup_updates=1)
    assert [learning_rate_factor(constant, n, 4, 9) for n in range(3)] == [0.5, 1, 1]


@pytest.mark.parametrize(
    ("total", "sizes", "expected"),
    [
        (10, [5, 5], [5, 5]),
        (10, [9, 1], [9, 1]),
        (10, [99, 1], [9, 1]),
        (3, [1, 1, 98], [1, 1, 1]),
        (7, [4], [7]),
    ],
)
def test_stages_share_the_steps_in_proportion_and_each_gets_one(total, sizes, expected):
    assert stage_steps(total, sizes) == expected


def test_methods_with_and_without_curriculum_take_equal_steps():
    for questions in (7, 10, 33):
        for first in range(1, questions):
            total = total_steps(settings(epochs=3), questions)
            assert (
                sum(stage_steps(total, [first, questions - first]))
                == sum(stage_steps(total, [questions]))
                == total
            )


def test_fewer_steps_than_stages_is_an_error():
    with pytest.raises(SentError, match="1 steps for 2 stages"):
        stage_steps(1, [3, 3])


def test_batches_run_on_into_the_next_epoch():
    stream = QuestionStream(["a", "b", "c"], seed=0, stage=1)
    taken = [q for q, _ in stream.take(0, 6)]
    assert sorted(taken[:3]) == ["a", "b", "c"] == sorted(taken[3:])
    assert [q for q, _ in stream.take(4, 2)] == taken[4:]


def test_every_epoch_is_shuffled_by_seed_and_stage_or_keeps_the_order():
    ids = [str(i) for i in range(50)]

    def epochs(*args, **options):
        stream = QuestionStream(ids, *args, **options)
        return [[q for q, _ in stream.take(k * 50, 50)] for k in range(3)]

    drawn = [ids, *epochs(0, 1), *epochs(1, 1), *epochs(0, 2)]
    assert len(set(map(tuple, drawn))) == len(drawn), "the first epoch, too, and for every seed and stage"
    assert epochs(0, 1) == epochs(0, 1)
    assert epochs(0, 1, shuffle=False) == [ids] * 3


def test_passes_over_a_question_in_the_paper_s_experiment():
    """Five over the data, by every method: with stages as many over each stage's own questions as without over all."""
    experiment = read("config/paper.yaml")
    settings = experiment.by_model["qwen3-14b"].training.model_copy(update={"prompts_per_step": 16})
    ids = [f"q{i}" for i in range(96)]
    total = total_steps(settings, len(ids))
    for stages in ([ids], [ids[:48], ids[48:]]):
        asked = Counter()
        for stage, (own, steps) in enumerate(
            zip(stages, stage_steps(total, [*map(len, stages)]), strict=True), 1
        ):
            stream = QuestionStream(own, 0, stage)
            asked.update(q for q, _ in stream.take(0, steps * settings.prompts_per_step))
        assert set(asked.values()) == {5} and len(asked) == 96


def test_copies_of_a_question_in_one_step_are_told_apart():
    stream = QuestionStream(["a", "b"], seed=0, stage=1, shuffle=False)
    assert stream.take(0, 5) == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2)]
    assert stream.take(1, 2) == [("b", 0), ("a", 0)]


def test_a_stage_without_questions_is_an_error():
    with pytest.raises(SentError, match="stage 2 of the curriculum holds no question"):
        QuestionStream([], 0, 2)


@pytest.fixture
def files(tmp_path):
    questions = [{"question_id": q, "question": q, "answer": "1"} for q in "abcd"]
    tables.write(tmp_path / "q.parquet", tables.table(tables.QUESTIONS, questions))

    def curriculum(*placed):
        rows = [
            {"question_id": q, "stage": s, "position": p, "rehearsal": False, "why": ""} for q, s, p in placed
        ]
        tables.write(tmp_path / "c.parquet", tables.table(tables.CURRICULUM, rows))
        return str(tmp_path / "q.parquet"), str(tmp_path / "c.parquet")

    return curriculum


def test_training_sees_the_curriculum_s_order(files):
    questions, curriculum = files(("d", 1, 1), ("b", 1, 0), ("a", 2, 0), ("c", None, None))
    assert read_questions(questions, curriculum, 1, 2)[:2] == (["b", "d"], [2, 1])
    assert read_questions(questions, curriculum, 2, 2)[0] == ["a"]
    ids, sizes, rows = read_questions(questions, None, 1, 1)
    assert (ids, sizes, len(rows)) == (["a", "b", "c", "d"], [4], 4)


def test_a_curriculum_says_whether_training_shuffles(tmp_path):
    assert stream_of(None, ["a"], 0, 1).shuffle
    for shuffle in (True, False):
        entropies = [{"question_id": "a", "n_clusters": 1, "semantic_entropy": 0.0, "accuracy": 1.0}]
        tables.write(tmp_path / "se.parquet", tables.table(tables.SEMANTIC_ENTROPY, entropies))
        settings = json.dumps({"n_stages": 1, "shuffle": shuffle})
        output = str(tmp_path / "c.parquet")
        options = [
            "--semantic-entropy",
            str(tmp_path / "se.parquet"),
            "--settings",
            settings,
            "--output",
            output,
        ]
        assert main(["curriculum", *options]) == 0
        assert stream_of(output, ["a"], 0, 1).shuffle == shuffle


def test_an_adaptive_stream_takes_what_is_nearest_to_a_target_that_follows_the_rewards():
    def stream() -> AdaptiveStream:
        # Difficulties 0, 1/4, 1/2 and 1; the target moves by up to 1/2.
        return AdaptiveStream(["d", "b", "a", "c"], [1.0, 0.25, 0.0, 0.5], 0, 1, Adaptive())

    def asked(of: AdaptiveStream, cursor: int, count: int) -> list[str]:
        return [question for question, _ in of.take(cursor, count)]

    first = stream()
    assert asked(first, 0, 2) == ["a", "b"]
    assert asked(first, 1, 2) == ["b", "c"], "further rounds of a step go on where the first ended"
    assert first.take(0, 6)[3:] == [("d", 0), ("a", 1), ("b", 1)], "then the next epoch"
    first.advance(2, reward=1.0)
    moved = 0.5 * math.tanh(2 * (1.0 - 0.5))
    assert first.state == {"target": pytest.approx(moved), "cursor": 2, "epoch": 0, "asked": [2, 1]}
    assert asked(first, 2, 2) == ["c", "d"], "each question once an epoch"
    assert asked(first, 2, 4)[2:] == ["c", "b"], "0.38 is nearer to 1/2 than to 1/4"
    first.advance(5, reward=0.0)
    assert first.state == {"target": pytest.approx(0), "cursor": 5, "epoch": 1, "asked": [3]}
    assert asked(first, 5, 3) == ["a", "b", "d"]

    resumed = stream()
    resumed.state = json.loads(json.dumps(first.state))
    assert resumed.take(5, 9) == first.take(5, 9)


def test_an_adaptive_target_stays_on_the_scale_and_its_ties_are_shuffled():
    ids = [str(i) for i in range(40)]
    one, other = (AdaptiveStream(ids, [0.5] * 40, seed, 1, Adaptive(rate=1.0)) for seed in (0, 1))
    assert sorted(one.take(0, 40)) == sorted(other.take(0, 40)) and one.take(0, 40) != other.take(0, 40)
    for reward, target in ((0.0, 0.0), (1.0, math.tanh(1)), (1.0, 1.0), (0.5, 1.0)):
        one.advance(one.state["cursor"] + 7, reward)
        assert one.state["target"] == pytest.approx(target)


def test_a_curriculum_of_other_questions_or_stages_is_refused(files):
    questions, curriculum = files(("x", 1, 0))
    with pytest.raises(SentError, match="question 'x' is not in"):
        read_questions(questions, curriculum, 1, 1)
    questions, curriculum = files(("a", 1, 0))
    with pytest.raises(
        SentError, match="expected a row for each of 4 questions, 3 have none, the first is 'b'"
    ):
        read_questions(questions, curriculum, 1, 1)
    questions, curriculum = files(*((q, 1, p) for p, q in enumerate("abcd")))
    with pytest.raises(SentError, match="expected questions in each of 2 stages, found stages \\[1\\]"):
        read_questions(questions, curriculum, 1, 2)

"""What is trained on, in what order, for how many steps."""

import pytest
from sent import tables
from sent.config import Training
from sent.errors import SentError
from sent.training.schedule import QuestionStream, stage_steps, total_steps
from sent.training.stage import read_questions


def settings(**changes) -> Training:
    return Training(**{"prompts_per_step": 4, "minibatch_prompts": 2} | changes)


def test_epochs_give_enough_steps_for_the_last_partial_batch():
    assert total_steps(settings(epochs=1), 8) == 2
    assert total_steps(settings(epochs=1), 9) == 3
    assert total_steps(settings(epochs=2.5), 8) == 5
    assert total_steps(settings(epochs=1, steps=7), 8) == 7


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


def test_the_first_epoch_keeps_the_order_and_batches_run_on_into_the_next():
    stream = QuestionStream(["a", "b", "c"], seed=0, stage=1)
    assert [q for q, _ in stream.take(0, 3)] == ["a", "b", "c"]
    taken = [q for q, _ in stream.take(0, 6)]
    assert taken[:3] == ["a", "b", "c"] and sorted(taken[3:]) == ["a", "b", "c"]
    assert [q for q, _ in stream.take(4, 2)] == taken[4:]


def test_later_epochs_are_shuffled_by_seed_and_stage_or_repeat_the_order():
    ids = [str(i) for i in range(50)]

    def epochs(*args, **options):
        stream = QuestionStream(ids, *args, **options)
        return [[q for q, _ in stream.take(k * 50, 50)] for k in range(3)]

    assert epochs(0, 1) == epochs(0, 1)
    assert epochs(0, 1)[1] != epochs(0, 1)[2] != ids
    assert epochs(0, 1)[1] != epochs(1, 1)[1]
    assert epochs(0, 1)[1] != epochs(0, 2)[1]
    assert epochs(0, 1, shuffle=False) == [ids] * 3


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


def test_a_curriculum_of_other_questions_or_stages_is_refused(files):
    questions, curriculum = files(("x", 1, 0))
    with pytest.raises(SentError, match="question 'x' is not in"):
        read_questions(questions, curriculum, 1, 1)
    questions, curriculum = files(("a", 1, 0))
    with pytest.raises(SentError, match="expected questions in each of 2 stages, found stages \\[1\\]"):
        read_questions(questions, curriculum, 1, 2)

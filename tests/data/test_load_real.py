"""The six benchmarks and two training sets as they are published."""

import pytest
from sent.config import Recorded, Source
from sent.data.load import load, load_recorded
from sent.errors import SentError

COUNTS = {"aime24": 30, "aime25": 30, "amc23": 40, "math500": 500, "olympiadbench": 675, "minerva": 272}


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_benchmarks_have_their_counts(shared_data, name, count):
    loaded = load(Source(path=str(shared_data / "benchmarks" / f"{name}.jsonl"), rows=count))
    assert len(loaded.questions) == count
    assert loaded.dropped == []


def test_olympiadbench_has_one_answer_with_a_tolerance(shared_data):
    source = Source(
        path=str(shared_data / "benchmarks" / "olympiadbench.jsonl"), fields={"tolerance": "meta.error"}
    )
    tolerated = {
        q["question_id"]: (q["answer"], q["tolerance"]) for q in load(source).questions if q["tolerance"]
    }
    assert tolerated == {"olympiadbench-2592": ("4.2", 0.1)}


def test_dapo_has_15_questions_with_conflicting_answers(shared_data):
    loaded = load(Source(path=str(shared_data / "train" / "dapo_math_17k.jsonl")))
    assert loaded.n_rows == 17_917
    assert [item.reason for item in loaded.dropped] == ["conflicting answers"] * 15
    assert len(loaded.questions) == 17_917 - loaded.n_merged - 15 == 16_906


def test_math_train_has_two_rows_without_an_answer(shared_data):
    path = str(shared_data / "train" / "math_train.jsonl")
    with pytest.raises(SentError, match=r"row 5342 \(id 'math-train-5341'\) has no answer; row 5344"):
        load(Source(path=path))
    loaded = load(Source(path=path, on_missing="drop"))
    assert [item.question_id for item in loaded.dropped] == ["math-train-5341", "math-train-5343"]
    assert len(loaded.questions) == 7_497


def test_recorded_questions(shared_data):
    recorded = Recorded(path=str(shared_data / "samples" / "math_cot_100.jsonl"), fields={"answer": "gt"})
    assert len(load_recorded(recorded).questions) == 100

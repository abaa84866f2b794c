"""Benchmark questions among the training questions: by hand, and on the real sets."""

import json

import pytest
from sent.results.overlap import find, grams, words


def test_words_do_not_depend_on_markup():
    assert words("Find $x^{2}$, if X = 3!") == ["find", "x", "^", "2", "if", "x", "=", "3"]


def test_a_text_shorter_than_n_is_one_gram():
    assert grams("a b", 3) == {("a", "b")}
    assert grams("a b c d", 3) == {("a", "b", "c"), ("b", "c", "d")}
    assert grams("?!", 3) == set()


def test_shares_and_the_best_training_question():
    train = {
        "t1": "one two three four five",
        "t2": "zero one two three four five six",
        "t3": "nothing alike here",
    }
    benchmark = {
        "same": "One two three four five.",
        "half": "one two three seven eight",
        "none": "seven eight nine",
    }
    # 3-grams of "half": one two three; two three seven; three seven eight: the first is shared.
    assert find(train, benchmark, 3, 0.3) == [("same", "t1", 1.0), ("half", "t1", pytest.approx(1 / 3))]
    assert find(train, benchmark, 3, 0.5) == [("same", "t1", 1.0)]


def test_short_questions_match_whole_questions_only():
    train = {"longer": "What is 3 + 4 + 5 + 6 + 7?", "other": "What is 3 - 4?", "same": "what is 3 + 4"}
    assert find(train, {"q": "What is 3 + 4?"}, 8, 0.6) == [("q", "same", 1.0)]
    del train["same"]
    assert find(train, {"q": "What is 3 + 4?"}, 8, 0.6) == []


def test_nothing_to_compare():
    assert find({}, {"q": "a b c"}, 2, 0.5) == []
    assert find({"t": "a b c"}, {}, 2, 0.5) == []


@pytest.mark.slow
def test_real_benchmarks_share_questions_with_the_training_set(shared_data):
    def read(path):
        rows = map(json.loads, (shared_data / path).open())
        return {str(i): row["question"] for i, row in enumerate(rows)}

    train = read("train/dapo_math_17k.jsonl")
    counts = {
        name: len(find(train, read(f"benchmarks/{name}.jsonl"), 8, 0.6)) for name in ("aime24", "amc23")
    }
    assert counts == {"aime24": 0, "amc23": 24}

"""Benchmark questions that stand in training questions."""

from sent.config import Source
from sent.data.load import load
from sent.data.overlap import OVERLAP, Match, matches, ngrams, report, tokens


def test_tokens_are_words_numbers_and_signs_without_latex():
    assert tokens("Find $\\frac{1}{23}$ of X.") == ["find", "frac", "1", "23", "of", "x", "."]


def test_a_short_text_is_one_ngram():
    assert ngrams("a b", 3) == {("a", "b")}
    assert ngrams("a b c d", 3) == {("a", "b", "c"), ("b", "c", "d")}


def test_share_is_the_benchmarks_own():
    train = ["p q r s t u v w", "a b c x y z"]
    assert matches(train, ["a b c d"], n=2, share=0.5) == [Match(train=1, benchmark=0, share=2 / 3)]
    assert matches(train, ["a b c d"], n=2, share=0.7) == []


def test_the_same_words_with_another_number_are_another_question():
    asked = "how many of the 12 marbles are blue"
    assert matches([asked], [asked], n=3) == [Match(0, 0, 1.0)]
    assert matches([asked], [asked.replace("12", "13")], n=3, share=0.2) == []


def test_a_short_question_stands_in_the_same_one_only():
    train = ["What is 3 + 4 + 5 + 6 + 7?", "What is 3 - 4?", "what is 3 + 4?"]
    assert matches(train, ["What is 3 + 4?"]) == [Match(train=2, benchmark=0, share=1.0)]
    assert matches(train[:2], ["What is 3 + 4?"]) == []


def test_nothing_to_compare():
    assert matches([], ["a b c"]) == matches(["a b c"], []) == []


def test_report_names_the_nearest_training_question():
    train = [{"question_id": f"t{i}", "question": q} for i, q in enumerate(["a b c x", "a b c d", "a b c d"])]
    rows = [{"question_id": "b0", "question": "z z"}, {"question_id": "b1", "question": "a b c d"}]
    assert report(train, {"bench": rows}, n=2).to_pylist() == [
        {"benchmark": "bench", "question_id": "b1", "train_question_id": "t1", "shared": 1.0}
    ]


def test_dapo_holds_many_benchmark_questions(shared_data):
    """More than the 22, 9 and 18 that were known; none of AIME 2024 and 2025, which are younger."""
    train = load(Source(path=str(shared_data / "train" / "dapo_math_17k.jsonl"))).questions
    names = ("aime24", "aime25", "amc23", "math500", "olympiadbench")
    paths = {name: str(shared_data / "benchmarks" / f"{name}.jsonl") for name in names}
    benchmarks = {name: load(Source(path=path)).questions for name, path in paths.items()}
    found = report(train, benchmarks).column("benchmark").to_pylist()
    counts = {name: found.count(name) for name in names}
    assert counts == {"aime24": 0, "aime25": 0, "amc23": 24, "math500": 21, "olympiadbench": 67}


def test_the_command_writes_the_report(tmp_path):
    import argparse

    from sent import tables
    from sent.data import overlap_command

    train = [{"question_id": "t0", "question": "a b c d"}, {"question_id": "t1", "question": "p q r"}]
    asked = [{"question_id": "b0", "question": "a b c e"}, {"question_id": "b1", "question": "x y"}]
    for name, rows in (("train", train), ("bench", asked)):
        tables.write(tmp_path / f"{name}.parquet", tables.table(tables.QUESTIONS, rows))
    parser = argparse.ArgumentParser()
    overlap_command.add_arguments(parser)
    bench, output = f"bench={tmp_path / 'bench.parquet'}", tmp_path / "overlap.parquet"
    options = ["--train", str(tmp_path / "train.parquet"), "--benchmarks", bench, "--output", str(output)]
    overlap_command.run(parser.parse_args([*options, "--ngram", "2", "--share", "0.6"]))
    assert tables.rows(output, OVERLAP) == [
        {"benchmark": "bench", "question_id": "b0", "train_question_id": "t0", "shared": 2 / 3}
    ]

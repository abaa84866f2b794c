"""The stage on small tables: rows, metadata, streaming, calibration, the page, and tables that do not fit."""

import json
import math
from html.parser import HTMLParser

import pytest
from sent import tables
from sent.__main__ import main
from sent.errors import SentError
from sent.semantic_entropy import records
from sent.semantic_entropy.clusters_page import choose

NASTY = '<script>alert("x")</script> & $a<b$'


def write_run(folder, questions):
    """Write the three input tables for ``{id: [(answer, verdict, tokens, logprob), ...]}``, unsorted."""
    listed, samples, verdicts = [], [], []
    for id_, drawn in questions.items():
        listed.append({"question_id": id_, "question": f"{NASTY} {id_}", "answer": "1"})
        for number, (answer, verdict, tokens, logprob) in enumerate(drawn):
            key = {"question_id": id_, "sample": number}
            samples.append(key | {"text": f"{NASTY} {answer}", "n_tokens": tokens, "logprob_sum": logprob})
            verdicts.append(key | {"extracted": answer, "verdict": verdict})
    paths = {name: str(folder / f"{name}.parquet") for name in ("questions", "samples", "verdicts")}
    tables.write(paths["questions"], tables.table(tables.QUESTIONS, listed), tables.QUESTIONS)
    tables.write(paths["samples"], tables.table(tables.SAMPLES, samples[::-1]), tables.SAMPLES)
    tables.write(paths["verdicts"], tables.table(tables.VERDICTS, verdicts), tables.VERDICTS)
    return paths


def run(folder, questions, *options, status=0, **settings):
    paths = write_run(folder, questions)
    outputs = {name: str(folder / f"out-{name}.parquet") for name in ("clusters", "output")}
    arguments = [f"--{name}={path}" for name, path in (paths | outputs).items()]
    settings = json.dumps({"entailment": "math_verify"} | settings)
    assert main(["semantic-entropy", *arguments, "--settings", settings, *options]) == status
    if status == 0:
        clusters = tables.rows(outputs["clusters"], tables.CLUSTERS)
        entropies = tables.rows(outputs["output"], tables.SEMANTIC_ENTROPY)
        return clusters, {row["question_id"]: row for row in entropies}


QUESTIONS = {
    "half": [
        ("1/2", "correct", 10, -5.0),
        ("0.5", "correct", 20, -10.0),
        ("2", "wrong", 4, -4.0),
        (None, "no_answer", 30, -3.0),
    ],
    "wrong": [("3", "wrong", 5, None), ("3.0", "wrong", 7, None)],
    "silent": [],
    "words": [("east", "wrong", 2, -1.0), ("seat", "correct", 2, -1.0)],
}


def test_rows_of_both_tables(tmp_path):
    clusters, entropies = run(tmp_path, QUESTIONS)
    assert [(row["question_id"], row["sample"], row["cluster"], row["decided_by"]) for row in clusters] == [
        ("half", 0, 0, "first"),
        ("half", 1, 0, "math_verify"),
        ("half", 2, 1, "first"),
        ("half", 3, 2, "unparsable"),
        ("wrong", 0, 0, "first"),
        ("wrong", 1, 0, "math_verify"),
        ("words", 0, 0, "first"),
        ("words", 1, 1, "first"),
    ]
    assert list(entropies) == ["half", "wrong", "silent", "words"]
    half = entropies["half"]
    assert (half["n_samples"], half["n_unparsable"], half["n_clusters"]) == (4, 1, 3)
    assert half["semantic_entropy"] == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(4))
    assert half["normalised"] == pytest.approx(half["semantic_entropy"] / math.log(4))
    assert half["accuracy"] == 0.5
    assert half["mean_tokens"] == 16
    assert half["mean_token_nll"] == pytest.approx(22 / 64)
    assert half["predictive_entropy"] == pytest.approx(22 / 4)
    shares = [2 * math.exp(-0.5), math.exp(-1), math.exp(-0.1)]
    shares = [share / sum(shares) for share in shares]
    assert half["rao_blackwell"] == pytest.approx(-sum(p * math.log(p) for p in shares))
    assert half["standard_error"] > 0


def test_without_log_probabilities_or_samples(tmp_path):
    _, entropies = run(tmp_path, QUESTIONS)
    wrong, silent = entropies["wrong"], entropies["silent"]
    assert (wrong["semantic_entropy"], wrong["accuracy"], wrong["mean_tokens"]) == (0.0, 0.0, 6)
    assert wrong["rao_blackwell"] is wrong["mean_token_nll"] is wrong["predictive_entropy"] is None
    assert (silent["n_samples"], silent["n_clusters"], silent["semantic_entropy"]) == (0, 0, 0.0)
    assert silent["accuracy"] is silent["mean_tokens"] is None
    numbers = [value for row in entropies.values() for value in row.values() if isinstance(value, float)]
    assert all(math.isfinite(value) for value in numbers)


def test_metadata_says_how_it_was_made(tmp_path):
    run(tmp_path, QUESTIONS, criterion="non_strict")
    for name in ("clusters", "output"):
        found = tables.metadata(tmp_path / f"out-{name}.parquet")
        assert (found["entailment"], found["criterion"], found["unparsable"]) == (
            "math_verify",
            "non_strict",
            "singleton",
        )
        assert int(found["judged_pairs"]) > 0


def test_chunks_do_not_change_the_records(tmp_path):
    paths = write_run(tmp_path, QUESTIONS).values()
    whole = [record for chunk in records.read(*paths) for record in chunk]
    chunks = list(records.read(*paths, chunk=1))
    assert [len(chunk) for chunk in chunks] == [1, 1, 1, 1]
    assert [record for chunk in chunks for record in chunk] == whole
    assert whole[0].samples == [0, 1, 2, 3]
    assert whole[0].correct == [True, True, False, False]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("verdicts", lambda rows: rows[:-1], "its samples are not those of"),
        ("samples", lambda rows: [*rows, rows[0]], "has sample 1 of the question 'words' twice"),
        (
            "questions",
            lambda rows: rows[1:],
            "a sample of the question 'half', which is not among the questions",
        ),
    ],
)
def test_tables_that_do_not_fit_are_refused(tmp_path, name, change, message):
    paths = write_run(tmp_path, QUESTIONS)
    schema = getattr(tables, name.upper())
    tables.write(paths[name], tables.table(schema, change(tables.rows(paths[name]))), schema)
    with pytest.raises(SentError, match=message):
        list(records.read(**paths))


def test_missing_damaged_and_foreign_files_are_refused(tmp_path):
    paths = write_run(tmp_path, QUESTIONS)
    with pytest.raises(SentError, match="no such file"):
        list(records.read(**paths | {"samples": str(tmp_path / "absent")}))
    with pytest.raises(SentError, match="lacks the columns"):
        list(records.read(**paths | {"samples": paths["questions"]}))
    (tmp_path / "text").write_text("no parquet")
    with pytest.raises(SentError, match="not a readable Parquet file"):
        list(records.read(**paths | {"samples": str(tmp_path / "text")}))


def test_calibration_holds_what_both_say_about_the_same_pairs(tmp_path, tiny_nli):
    file = tmp_path / "calibration.parquet"
    run(tmp_path, QUESTIONS, f"--calibration={file}", f"--nli={tiny_nli()}", entailment="hybrid")
    rows = tables.rows(file, tables.CALIBRATION)
    found = {(row["question_id"], row["premise"], row["hypothesis"]): row["math_verify"] for row in rows}
    assert found == {
        ("half", "1/2", "0.5"): True,
        ("half", "0.5", "1/2"): True,
        ("half", "1/2", "2"): False,
        ("half", "2", "1/2"): False,
        ("half", "0.5", "2"): False,
        ("half", "2", "0.5"): False,
        ("wrong", "3", "3.0"): True,
        ("wrong", "3.0", "3"): True,
    }
    for row in rows:
        probabilities = {name: row[f"p_{name}"] for name in ("contradiction", "neutral", "entailment")}
        assert sum(probabilities.values()) == pytest.approx(1)
        assert row["label"] == max(probabilities, key=probabilities.get)


def test_calibration_pairs_are_as_many_as_asked_and_always_the_same(tmp_path, tiny_nli):
    folder, chosen = tiny_nli(), []
    for i in range(2):
        file = tmp_path / f"{i}.parquet"
        run(
            tmp_path,
            QUESTIONS,
            f"--calibration={file}",
            f"--nli={folder}",
            entailment="hybrid",
            calibration_pairs=3,
        )
        chosen.append(tables.rows(file))
    assert chosen[0] == chosen[1]
    assert [row["math_verify"] for row in chosen[0]] == [True, False, False]  # a half, rounded down, inside


def test_calibration_without_a_model_is_an_empty_table(tmp_path):
    file = tmp_path / "calibration.parquet"
    run(tmp_path, QUESTIONS, f"--calibration={file}")
    assert tables.rows(file, tables.CALIBRATION) == []


class Tags(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def test_page_escapes_what_models_and_questions_say(tmp_path):
    file = tmp_path / "page.html"
    questions = QUESTIONS | {"<b>": [("<img src=x onerror=alert(1)>", "<i>", 3, None)]}
    run(tmp_path, questions, f"--page={file}")
    page = Tags()
    page.feed(file.read_text())
    assert not {"script", "img", "i"} & set(page.tags)
    assert page.tags.count("article") == 4  # one has no samples to show
    shown = "".join(page.text)
    assert shown.count(NASTY) == 4 + 7  # questions, and a response of each cluster
    assert "<img src=x onerror=alert(1)>" in shown
    assert "cluster 0: 2 responses (correct × 2)" in shown


def test_page_shows_the_whole_range():
    rows = [
        {
            "question_id": f"q{i:02}",
            "semantic_entropy": max(i - 9, 0) / 10,
            "n_clusters": 1 + max(i - 9, 0),
            "accuracy": i % 2,
        }
        for i in range(40)
    ]
    chosen = choose(rows, 10)
    assert len({row["question_id"] for row in chosen}) == 10
    agreed = [row for row in chosen if row["n_clusters"] == 1]
    assert sorted(row["accuracy"] for row in agreed) == [0, 1]
    assert chosen[-1]["question_id"] == "q39"
    assert [row["question_id"] for row in choose(rows[:3], 10)] == ["q00", "q01", "q02"]
    assert choose([], 10) == []

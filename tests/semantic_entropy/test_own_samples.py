"""The form for anybody's samples: JSONL in, JSONL out."""

import json
import math
import subprocess
import sys

import pytest
from sent.__main__ import main


def rows_of(tmp_path, capsys, lines, *options):
    file = tmp_path / "samples.jsonl"
    file.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    status = main(["semantic-entropy", str(file), "--entailment", "math_verify", *options])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    return [json.loads(line) for line in printed.out.splitlines()]


def error_of(tmp_path, capsys, lines, *options):
    file = tmp_path / "samples.jsonl"
    file.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    assert main(["semantic-entropy", str(file), *options]) == 1
    return capsys.readouterr().err


def boxed(*answers):
    return [f"So it is \\boxed{{{answer}}}." for answer in answers]


def test_a_line_a_question_with_exactly_the_documented_keys(tmp_path, capsys):
    found = rows_of(
        tmp_path,
        capsys,
        [
            {"id": "a", "question": "1/2 + 1/4?", "responses": boxed("3/4", "0.75", "1", r"\frac{3}{4}")},
            {"id": 7, "question": "2 + 2?", "responses": boxed("4", "4", "4.0")},
        ],
    )
    expected = 0.75 * math.log(4 / 3) + 0.25 * math.log(4)
    assert found == [
        {"id": "a", "semantic_entropy": pytest.approx(expected), "n_clusters": 2, "clusters": [0, 0, 1, 0]},
        {"id": 7, "semantic_entropy": 0.0, "n_clusters": 1, "clusters": [0, 0, 0]},
    ]


def test_ids_default_to_line_numbers_and_blank_lines_are_skipped(tmp_path, capsys):
    line = {"question": "q", "responses": boxed("1")}
    assert [row["id"] for row in rows_of(tmp_path, capsys, [line, "\n", line])] == [1, 3]


def test_samples_that_are_few_or_empty_have_defined_results(tmp_path, capsys):
    found = rows_of(
        tmp_path,
        capsys,
        [
            {"question": "none", "responses": []},
            {"question": "one", "responses": boxed("5")},
            {"question": "empty", "responses": ["", None, "no idea"]},
            {"question": "long", "responses": [*boxed("1" * 100_000), *boxed("2")]},
        ],
    )
    assert [(row["semantic_entropy"], row["n_clusters"], row["clusters"]) for row in found] == [
        (0.0, 0, []),
        (0.0, 1, [0]),
        (pytest.approx(math.log(3)), 3, [0, 1, 2]),
        (pytest.approx(math.log(2)), 2, [0, 1]),
    ]


@pytest.mark.parametrize(("unparsable", "clusters"), [("pooled", [0, 1, 1]), ("dropped", [0, -1, -1])])
def test_responses_without_answers_by_option(tmp_path, capsys, unparsable, clusters):
    line = {"question": "q", "responses": [*boxed("1"), "hm", ""]}
    [row] = rows_of(tmp_path, capsys, [line], "--unparsable", unparsable)
    assert row["clusters"] == clusters


def test_answers_without_a_box_follow_a_phrase(tmp_path, capsys):
    line = {"question": "q", "responses": ["I think the answer is 4.", "It is \\boxed{4}.", "Answer: 4"]}
    [row] = rows_of(tmp_path, capsys, [line])
    assert row["clusters"] == [0, 0, 0]


def test_bare_answers_are_compared_whole(tmp_path, capsys):
    line = {"question": "q", "responses": ["0.5", "1/2", "one half"]}
    [row] = rows_of(tmp_path, capsys, [line], "--bare-answers")
    assert row["clusters"] == [0, 0, 1]


def test_all_estimators_on_request(tmp_path, capsys):
    logprobs = [[math.log(0.5)] * 3, [math.log(0.2)], [math.log(0.1), math.log(0.1)]]
    lines = [
        {"question": "q", "responses": boxed("1", "2", "1"), "logprobs": logprobs},
        {"question": "q", "responses": boxed("1", "2", "1")},
        {"question": "q", "responses": boxed("1", "2"), "logprobs": [-1.0, -2.0]},
    ]
    known, unknown, sums = rows_of(tmp_path, capsys, lines, "--estimators")
    assert known["rao_blackwell"] == pytest.approx(0.75 * math.log(4 / 3) + 0.25 * math.log(4))
    assert known["predictive_entropy"] == pytest.approx(
        -(math.log(0.5) * 3 + math.log(0.2) + math.log(0.1) * 2) / 3
    )
    assert unknown["rao_blackwell"] is unknown["predictive_entropy"] is None
    assert known["miller_madow"] == pytest.approx(known["semantic_entropy"] + 1 / 6)
    # Sums of unknown length cannot be normalised by length.
    assert (sums["rao_blackwell"], sums["predictive_entropy"]) == (None, 1.5)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question": "q", "resp', "line 2: not valid JSON"),
        ("[1]\n", "line 2: expected an object with `question` and `responses`, found list"),
        ({"responses": ["1"]}, "line 2: expected `question` to be text, found None; keys: responses"),
        ({"question": "q"}, "line 2: expected `responses` to be a list of texts, found None"),
        ({"question": "q", "responses": "1"}, "line 2: expected `responses` to be a list of texts"),
        ({"question": "q", "responses": [1]}, "line 2: expected `responses` to be a list of texts"),
        (
            {"question": "q", "responses": ["1"], "logprobs": [-1, -2]},
            "line 2: expected `logprobs` to be a list of 1",
        ),
        (
            {"question": "q", "responses": ["1"], "logprobs": [0.5]},
            "line 2: expected finite log-probabilities",
        ),
        (
            '{"question": "q", "responses": ["1"], "logprobs": [NaN]}',
            "line 2: expected finite log-probabilities",
        ),
    ],
)
def test_bad_lines_are_named(tmp_path, capsys, line, message):
    good = {"question": "q", "responses": boxed("1")}
    assert message in error_of(tmp_path, capsys, [good, line], "--entailment", "exact")


def test_bad_files_and_options(tmp_path, capsys):
    assert main(["semantic-entropy", str(tmp_path / "absent.jsonl")]) == 1
    assert "no such file" in capsys.readouterr().err
    binary = tmp_path / "binary.jsonl"
    binary.write_bytes(b"\xff\xfe\x00")
    assert main(["semantic-entropy", str(binary)]) == 1
    assert "not UTF-8" in capsys.readouterr().err
    assert "'nli' needs a model" in error_of(tmp_path, capsys, [], "--entailment", "nli")
    assert main(["semantic-entropy", "--samples", "x"]) == 1
    assert "missing --questions, --verdicts, --clusters, --output" in capsys.readouterr().err


def test_recorded_solutions_give_the_known_figures(tmp_path, capsys, shared_data):
    with (shared_data / "samples" / "math_cot_100.jsonl").open() as file:
        recorded = [json.loads(line) for line in file]
    lines = [{"question": row["question"], "responses": row["code"], "id": row["idx"]} for row in recorded]
    found = rows_of(tmp_path, capsys, lines)
    entropies = [row["semantic_entropy"] for row in found]
    assert sum(entropies) / 100 == pytest.approx(0.124, abs=0.005)
    sizes = [row["n_clusters"] for row in found]
    assert [sizes.count(k) for k in range(1, 9)] == [88, 5, 2, 1, 2, 1, 1, 0]


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom sent.__main__ import main\n"
        "try:\n    main(['semantic-entropy', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'numpy', 'pyarrow', 'pydantic', 'math_verify'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0

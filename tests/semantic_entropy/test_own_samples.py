"""The form for anybody's samples: JSONL in, JSONL out."""

import json
import logging
import math
import os
import subprocess
import sys

import pytest
from sent.__main__ import main
from sent.semantic_entropy import load_entailment, standalone
from sent.semantic_entropy.stated import StatedAnswers


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


def test_rows_of_one_question_are_gathered_by_id_or_text(tmp_path, capsys):
    two, one = (
        {"id": "a", "question": "q", "response": r"\boxed{1}"},
        {"id": "b", "question": "r", "response": r"\boxed{7}"},
    )
    again = {**two, "response": r"\boxed{2}"}
    found = rows_of(tmp_path, capsys, [two, one, again])
    assert [(row["id"], row["semantic_entropy"], row["clusters"]) for row in found] == [
        ("b", 0.0, [0]),
        ("a", pytest.approx(math.log(2)), [0, 1]),
    ]
    for row in (two, one, again):
        del row["id"]
    found = rows_of(tmp_path, capsys, [two, again, one])
    assert [(row["id"], row["clusters"]) for row in found] == [(1, [0, 1]), (3, [0])]
    lists = [{"id": "a", "question": "q", "responses": [r"\boxed{1}"], "logprobs": [5e-5]}] * 2
    (found,) = rows_of(tmp_path, capsys, lists)
    assert found["clusters"] == [0, 0]


def test_presets_and_fields(tmp_path, capsys):
    body = {"choices": [{"message": {"content": text}} for text in boxed("1", "2")]}
    batch = {"custom_id": "a", "response": {"status_code": 200, "body": body}, "error": None}
    (found,) = rows_of(tmp_path, capsys, [batch], "--preset", "openai_batch")
    assert (found["id"], found["clusters"]) == ("a", [0, 1])
    row = {"q": "x", "out": [{"text": text} for text in boxed("3", "3")]}
    (found,) = rows_of(tmp_path, capsys, [row], "--fields", '{"question": "q", "responses": "out.*.text"}')
    assert found["clusters"] == [0, 0]


def test_samples_that_are_few_or_empty_have_defined_results(tmp_path, capsys):
    found = rows_of(
        tmp_path,
        capsys,
        [
            {"question": "none", "responses": []},
            {"question": "one", "responses": boxed("5")},
            {"question": "empty", "responses": ["", None, " "]},
            {"question": "long", "responses": [*boxed("1" * 100_000), *boxed("2")]},
        ],
    )
    assert [(row["semantic_entropy"], row["n_clusters"], row["clusters"]) for row in found] == [
        (0.0, 0, []),
        (0.0, 1, [0]),
        (pytest.approx(math.log(3)), 3, [0, 1, 2]),
        (pytest.approx(math.log(2)), 2, [0, 1]),
    ]


def test_plain_answers_need_no_box(tmp_path, capsys):
    lines = [
        {"question": "2 + 2?", "responses": ["4", "4.0", "5", "$4$", r"It is \boxed{4}."]},
        {"question": "capital?", "responses": ["Paris", "paris.", "Rome"]},
    ]
    found = rows_of(tmp_path, capsys, lines)
    assert [row["clusters"] for row in found] == [[0, 0, 1, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"<think>\boxed{3}, no</think> so \boxed{4}", "4"),
        ("<think>3, no</think>\n4", "4"),
        (r"<think>perhaps \boxed{4}", None),
        ("<think>perhaps 4", None),
        ("x" * 200, "x" * 200),
        ("x" * 201, None),
        (r"so \boxed{4", None),
        (r"so \boxed{}", None),
        (" \n ", None),
    ],
)
def test_the_answer_that_a_response_states(response, answer):
    assert StatedAnswers()(response) == answer


def test_answers_are_counted_by_how_they_were_found(tmp_path, capsys, caplog):
    line = {
        "question": "q",
        "responses": [*boxed("1", "2"), "1", "2", "the answer is 1", "", None, "y" * 999],
    }
    with caplog.at_level(logging.INFO, "sent"):
        rows_of(tmp_path, capsys, [line])
    assert "2 of 8 responses have no box and no phrase" in caplog.text
    assert "3 of 8 responses state no answer and count as `unparsable: singleton`" in caplog.text


@pytest.mark.parametrize(("unparsable", "clusters"), [("pooled", [0, 1, 1]), ("dropped", [0, -1, -1])])
def test_responses_without_answers_by_option(tmp_path, capsys, unparsable, clusters):
    line = {"question": "q", "responses": [*boxed("1"), "<think> hm", ""]}
    [row] = rows_of(tmp_path, capsys, [line], "--unparsable", unparsable)
    assert row["clusters"] == clusters


def test_answers_without_a_box_follow_a_phrase(tmp_path, capsys):
    line = {"question": "q", "responses": ["I think the answer is 4.", "It is \\boxed{4}.", "Answer: 4"]}
    [row] = rows_of(tmp_path, capsys, [line])
    assert row["clusters"] == [0, 0, 0]


def test_bare_answers_are_compared_whole(tmp_path, capsys):
    long = "a walk through the park " * 10
    line = {"question": "q", "responses": ["0.5", "1/2", long, long, "an answer is 1/2"]}
    [row] = rows_of(tmp_path, capsys, [line], "--bare-answers")
    assert row["clusters"] == [0, 0, 1, 1, 2]


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
        ('{"question": "q", "resp', "row 2 is not JSON"),
        ("[1]\n", "row 2 holds a list; expected one JSON object a line"),
        ('{"id": ' + "9" * 5000 + "}", "row 2 is not JSON (Exceeds the limit"),
        ("[" * 100_000, "row 2 is not JSON (maximum recursion depth"),
        ({"question": "q", "responses": ["1"], "id": {}}, "row 2: 'id': expected text or a number"),
        ('{"question": "q", "responses": ["1"], "id": NaN}', "row 2: 'id': expected text or a number"),
        ({"responses": ["1"]}, "row 2: 'question': row has neither question nor id; its keys are responses"),
        ({"question": "q"}, "row 2: 'responses': row has no responses; its keys are question"),
        ({"question": "q", "responses": [1]}, "row 2: 'responses': expected a text, a list of texts or"),
        (
            {"question": "q", "responses": ["1"], "logprobs": [-1, -2]},
            "row 2: 'logprobs': found 2 entries, expected a list of one entry for each of 1",
        ),
        (
            {"question": "q", "responses": ["1"], "logprobs": [0.5]},
            "row 2: 'logprobs': expected finite numbers not above 0",
        ),
        (
            '{"question": "q", "responses": ["1"], "logprobs": [-Infinity]}',
            "row 2: 'logprobs': expected finite numbers not above 0",
        ),
    ],
)
def test_bad_lines_are_named(tmp_path, capsys, line, message):
    good = {"question": "q", "responses": boxed("1")}
    assert message in error_of(tmp_path, capsys, [good, line], "--entailment", "exact")


@pytest.mark.parametrize(
    "write",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.rstrip("\n").encode(),
    ],
    ids=["byte order mark", "Windows line ends", "no last line end"],
)
def test_files_as_other_systems_write_them(tmp_path, capsys, write):
    file = tmp_path / "samples.jsonl"
    lines = [
        {"id": "ü", "question": "日本?", "responses": boxed("π", r"\pi")},
        {"question": "r", "responses": []},
    ]
    file.write_bytes(write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)))
    assert main(["semantic-entropy", str(file), "--entailment", "math_verify"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["id"], row["clusters"]) for row in found] == [("ü", [0, 0]), (2, [])]


def test_any_terminal_can_print_any_id(tmp_path):
    file = tmp_path / "samples.jsonl"
    file.write_text('{"id": "\\ud800 日", "question": "\\ud800", "responses": ["\\ud800", "1"]}\n')
    command = [sys.executable, "-m", "sent", "semantic-entropy", str(file), "--entailment", "math_verify"]
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    printed = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    assert json.loads(printed)["id"] == "\ud800 日"


def test_standard_output_holds_nothing_but_lines_of_json(tmp_path, capsys, monkeypatch):
    def talkative(*arguments):
        print("hello from a library")
        return load_entailment(*arguments)

    monkeypatch.setattr(standalone, "load_entailment", talkative)
    assert len(rows_of(tmp_path, capsys, [{"question": "q", "responses": boxed("1", "2")}] * 2)) == 2


def test_standard_input_and_pipes_are_read():
    line = json.dumps({"question": "q", "responses": boxed("1", "2")}) + "\n"
    command = [sys.executable, "-m", "sent", "semantic-entropy", "--entailment", "exact"]
    read = subprocess.run([*command, "-"], input=line, capture_output=True, text=True, check=True)
    piped = subprocess.run([*command, "/dev/stdin"], input=line, capture_output=True, text=True, check=True)
    assert json.loads(read.stdout)["clusters"] == [0, 1]
    assert piped.stdout == read.stdout
    bad = subprocess.run([*command, "-"], input="{", capture_output=True, text=True)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.splitlines()[-1].startswith("error: standard input: row 1 is not JSON")


def test_bad_files_and_options(tmp_path, capsys):
    assert main(["semantic-entropy", str(tmp_path / "absent.jsonl")]) == 1
    assert "no such file" in capsys.readouterr().err
    assert main(["semantic-entropy", str(tmp_path)]) == 1
    assert "the folder holds no" in capsys.readouterr().err
    binary = tmp_path / "binary.jsonl"
    binary.write_bytes(b"\xff\xfe\x00")
    assert main(["semantic-entropy", str(binary)]) == 1
    assert "not UTF-8" in capsys.readouterr().err
    assert "'nli' needs a model" in error_of(tmp_path, capsys, [], "--entailment", "nli")
    assert main(["semantic-entropy", "--samples", "x"]) == 1
    assert "missing --questions, --verdicts, --clusters, --output" in capsys.readouterr().err


def test_a_reader_that_stops_early_is_no_traceback(tmp_path):
    file = tmp_path / "samples.jsonl"
    file.write_text(json.dumps({"question": "q", "responses": boxed("1")}) + "\n")
    command = f"{sys.executable} -m sent semantic-entropy {file} --entailment exact | true"
    printed = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "Error" not in printed.stderr


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

"""The probe's questions are held out of training, and do not depend on the order of the file."""

import json

import pytest
from sent import tables
from sent.__main__ import main
from sent.config import Probe
from sent.data.probe import hold_out
from sent.errors import SentError

WORDS = ["red", "blue", "green", "grey", "brown", "white", "black", "pink"]
TEXT = "A shop sells {} apples for {} coins each and gives one more to every {} child: how much is paid?"


def questions(count: int, first: int = 0) -> list[dict]:
    texts = [TEXT.format(10 + n, 20 + n, WORDS[n % 8]) for n in range(first, first + count)]
    return [{"question_id": f"q{first + n}", "question": text, "answer": "1"} for n, text in enumerate(texts)]


def ids(rows: list[dict]) -> set[str]:
    return {row["question_id"] for row in rows}


def test_drawn_questions_leave_training_and_are_the_same_in_any_order():
    rows = questions(20)
    split = hold_out(rows, Probe(count=6))
    assert len(split.probe) == 6 and split.train == [row for row in rows if row not in split.probe]
    assert split.dropped == []
    assert ids(hold_out(rows[::-1], Probe(count=6)).probe) == ids(split.probe)
    assert ids(split.probe) < ids(hold_out(rows, Probe(count=7)).probe)


def test_copies_of_drawn_questions_leave_training():
    rows = questions(6)
    copies = [
        {**row, "question_id": f"{row['question_id']}-copy", "question": row["question"] + " Say it."}
        for row in rows
    ]
    split = hold_out([*rows, *copies], Probe(count=2))
    taken = ids(split.probe)
    originals = {name for name in taken if not name.endswith("-copy")}
    assert {item.question_id for item in split.dropped} >= {f"{name}-copy" for name in originals} - taken
    assert {item.reason for item in split.dropped} <= {"stands in the probe"}
    assert not {f"{name}-copy" for name in originals} & ids(split.train)


def test_a_source_keeps_training_as_it_is(tmp_path):
    path = tmp_path / "probe.jsonl"
    asked = questions(6, first=2)
    path.write_text("".join(json.dumps({**row, "id": row["question_id"]}) + "\n" for row in asked))
    rows = questions(4)
    split = hold_out(rows, Probe(source={"path": str(path)}))
    assert split.train == rows
    assert ids(split.probe) == {"q4", "q5", "q6", "q7"}
    assert [(item.question_id, item.reason, item.detail) for item in split.dropped] == [
        ("q2", "probe: stands in training", "q2"),
        ("q3", "probe: stands in training", "q3"),
    ]
    limited = hold_out(rows, Probe(source={"path": str(path), "limit": 3}))
    assert ids(limited.probe) == {"q4"}
    with pytest.raises(SentError, match=r"all 2 questions of .* stand among the training questions"):
        hold_out(rows, Probe(source={"path": str(path), "limit": 2}))


@pytest.mark.parametrize("count", [4, 5, 100])
def test_a_probe_that_leaves_nothing_to_train_on_is_one_error(count, tmp_path, capsys):
    path = tmp_path / "q.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in questions(4)))
    outputs = {name: tmp_path / f"{name}.parquet" for name in ("train", "probe")}
    command = [
        "data", "--source", json.dumps({"path": str(path)}), "--output", str(outputs["train"]),
        "--held-out", str(outputs["probe"]), "--probe",
    ]  # fmt: skip
    assert main([*command, json.dumps({"count": count})]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(
        f"error: probe.count: {count} of 4 questions cannot be held out, training would be left with 0"
    )
    assert not any(output.exists() for output in outputs.values())
    assert main([*command, '{"count": 3}']) == 0
    sizes = [len(tables.rows(outputs[name], tables.QUESTIONS)) for name in ("train", "probe")]
    assert sizes == [1, 3]

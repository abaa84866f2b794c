"""The stage as a command: shards add up, prompts are never silent."""

import json

import pytest
from sent import tables
from sent.__main__ import main
from sent.sampling.sampler import prompt_hash, requests_for

MODEL = json.dumps({"chat": False, "prompt": "{question}", "dtype": "float32"})
SETTINGS = json.dumps({"n": 3, "decoding": {"max_new_tokens": 20}, "batch_tokens": 400})


def sample(policy, questions, output, *more, settings=SETTINGS):
    options = {
        "policy": policy,
        "model": MODEL,
        "questions": questions,
        "settings": settings,
        "output": output,
    }
    return main(["sampling", *(f"--{name}={value}" for name, value in options.items()), *more])


@pytest.fixture
def whole(policy, questions, tmp_path):
    output = tmp_path / "whole.parquet"
    assert sample(policy, questions, output) == 0
    return output


def test_samples_file(whole, tokenizer):
    rows = tables.rows(whole, tables.SAMPLES)
    assert [(row["question_id"], row["sample"]) for row in rows] == [
        (f"q{i}", j) for i in range(10) for j in range(3)
    ]
    assert all(row["logprob_sum"] < 0 and 1 <= row["n_tokens"] <= 20 for row in rows)
    assert all("<eos>" not in row["text"] for row in rows)
    assert {row["finish_reason"] for row in rows} <= {"stop", "length"}
    # The end token counts, and is no text
    assert all(len(row["text"].split()) < row["n_tokens"] for row in rows if row["finish_reason"] == "stop")
    prompt = tokenizer("what is 3 + 3 ?")["input_ids"]
    assert rows[9]["prompt_hash"] == prompt_hash(prompt)
    assert tables.metadata(whole)["prompt"] == "{question}"


@pytest.mark.parametrize("shards", [2, 3, 12])
def test_any_number_of_shards_gives_the_same_file(policy, questions, tmp_path, whole, shards):
    parts = []
    for number in range(1, shards + 1):
        parts.append(str(tmp_path / f"{number}.parquet"))
        assert sample(policy, questions, parts[-1], "--shard", f"{number}-of-{shards}") == 0
    gathered = tmp_path / "gathered.parquet"
    assert main(["sampling", "--gather", *parts[::-1], "--output", str(gathered)]) == 0
    assert tables.read(gathered).equals(tables.read(whole))
    assert tables.metadata(gathered) == tables.metadata(whole)


def test_another_batch_size_gives_the_same_rows(policy, questions, tmp_path, whole):
    settings = json.dumps({**json.loads(SETTINGS), "batch_tokens": 1})
    other = tmp_path / "other.parquet"
    assert sample(policy, questions, other, settings=settings) == 0
    assert tables.rows(other) == tables.rows(whole)


def test_gathering_needs_every_part_once(policy, questions, tmp_path, capsys):
    part = str(tmp_path / "part.parquet")
    assert sample(policy, questions, part, "--shard", "2-of-3") == 0
    assert main(["sampling", "--gather", part, part, "--output", str(tmp_path / "x.parquet")]) == 1
    assert "expected every part of one samples file once" in capsys.readouterr().err


@pytest.mark.parametrize("shard", ["0-of-2", "3-of-2", "1/2", "x"])
def test_bad_shards(policy, questions, tmp_path, capsys, shard):
    assert sample(policy, questions, tmp_path / "x.parquet", "--shard", shard) == 1
    assert f"expected a part such as 2-of-4, found '{shard}'" in capsys.readouterr().err


def test_a_folder_that_is_no_model(questions, tmp_path, capsys):
    assert sample(tmp_path, questions, tmp_path / "x.parquet") == 1
    assert "not a model folder" in capsys.readouterr().err


def test_seeds_depend_on_names_only():
    some = requests_for({"a": (1,), "b": (2,)}, 2, "sampling", 0)
    assert some[2:] == requests_for({"b": (2,)}, 2, "sampling", 0)
    assert len({r.seed for r in some} | {r.seed for r in requests_for({"a": (1,)}, 2, "sampling", 1)}) == 6


def test_questions_that_do_not_fit_the_context_are_left_out_and_counted(policy, tmp_path, caplog):
    path, output = tmp_path / "questions.parquet", tmp_path / "samples.parquet"
    rows = [
        {"question_id": f"q{i}", "question": "1 " * length, "answer": "1"}
        for i, length in enumerate((5, 200, 6, 300))
    ]
    tables.write(path, tables.table(tables.QUESTIONS, rows), tables.QUESTIONS)
    assert sample(policy, path, output) == 0
    assert {row["question_id"] for row in tables.rows(output)} == {"q0", "q2"}
    assert json.loads(tables.metadata(output)["left_out"]) == ["q1", "q3"]
    assert "2 of 4 questions left out" in caplog.text
    parts = [str(tmp_path / f"part{n}.parquet") for n in (1, 2)]
    for n, part in enumerate(parts, start=1):
        assert sample(policy, path, part, "--shard", f"{n}-of-2") == 0
    assert main(["sampling", "--gather", *parts, "--output", str(tmp_path / "all.parquet")]) == 0
    assert tables.rows(tmp_path / "all.parquet") == tables.rows(output)
    assert tables.metadata(tmp_path / "all.parquet") == tables.metadata(output)


def test_a_file_of_overlong_questions_alone_is_an_error(policy, tmp_path, capsys):
    path = tmp_path / "questions.parquet"
    rows = [{"question_id": "q", "question": "1 " * 200, "answer": "1"}]
    tables.write(path, tables.table(tables.QUESTIONS, rows), tables.QUESTIONS)
    assert sample(policy, path, tmp_path / "x.parquet") == 1
    assert "every prompt has 128 tokens or more, as many as the model's context" in capsys.readouterr().err

"""Files of rows drawn at random: read with a meaning, or refused by one error that names the file and row."""

import json

import pytest
from hostile import Clock, answer, bent, drawn, parts, response, shown
from sent.config import RowFormat
from sent.data.input_row import Reader
from sent.data.text import answer_text, question_key
from sent.errors import SentError

KEYS = parts("id question answer gold response responses prediction logprobs tokens correct tolerance")
PRESETS = [None, "lm_eval", "lighteval", "openai_batch", "trl", "verl", "qwen_math"]
NESTED = [
    *parts("resps doc target choices message content role custom_id solution reward_model code"),
    *KEYS,
]


def value(rng, depth: int = 2):
    """Anything that JSON can hold."""
    kind = rng.randrange(10 if depth else 7)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.choice([0, 1, -1, 10**30, 1e308, float("nan"), float("inf"), -0.5, 3])
    if kind < 7:
        return response(rng) if rng.random() < 0.5 else answer(rng)
    if kind < 9:
        return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {rng.choice(NESTED): value(rng, depth - 1) for _ in range(rng.randrange(4))}


def file(rng) -> tuple[str, bytes, str | None]:
    """The name, contents and preset of a file of rows, some of them damaged."""
    rows = [
        {rng.choice(KEYS if rng.random() < 0.8 else NESTED): value(rng) for _ in range(4)}
        for _ in range(rng.randint(1, 3))
    ]
    if rng.random() < 0.6:
        rows = [
            {"question": answer(rng), "answer": answer(rng), "response": response(rng)} | row for row in rows
        ]
    suffix = rng.choice([".jsonl", ".jsonl", ".json", ".csv", ".tsv", ".parquet"])
    if suffix in (".csv", ".tsv"):
        text = "\n".join([",".join(KEYS[:3]), *(",".join(answer(rng) for _ in range(3)) for _ in rows)])
    else:
        text = json.dumps(rows) if suffix == ".json" else "\n".join(map(json.dumps, rows))
    contents = (bent(rng, text) if rng.random() < 0.3 else text).encode(errors="surrogatepass")
    return f"rows{suffix}", contents, rng.choice(PRESETS)


def test_random_inputs_of_files(tmp_path):
    clock, read = Clock(), 0
    for name, contents, preset in drawn(file, "files"):
        path = tmp_path / name
        path.write_bytes(contents)
        with clock.limit(contents):
            try:
                for _, found in Reader(RowFormat(preset=preset)).read(str(path)):
                    read += 1
                    json.dumps(found.model_dump()).encode()  # half characters could not be written
                    question_key(found.question or "")
            except SentError as error:
                assert str(error).startswith(str(path)) and "\n" not in str(error), shown(str(error))
    assert read > clock.tried / 10
    clock.report("files of rows")


def test_random_inputs_of_answers():
    clock = Clock()
    for found in drawn(value, "values"):
        with clock.limit(found):
            try:
                answer_text(found)
            except TypeError:
                assert "{" in repr(found)
    clock.report("gold answers of any type")


@pytest.mark.parametrize("text", ["\\boxed{4}\ud800", "\0", "\u202e4"])
def test_a_mark_costs_no_row(tmp_path, text):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"question": "q", "answer": "4", "response": text}))
    [(_, found)] = Reader(RowFormat()).read(str(path))
    assert found.responses == [text.replace("\ud800", "\ufffd")]

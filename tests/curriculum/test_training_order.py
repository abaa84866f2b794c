"""The rows that training follows: shuffle, rehearsal, sorting anew, and the command."""

import json
import random

import pytest
from sent import tables
from sent.__main__ import main
from sent.config import Curriculum
from sent.curriculum.arrange import curriculum, rescored
from sent.errors import SentError

NUMBERS = ("standard_error", "rao_blackwell", "normalised", "miller_madow", "chao_shen", "predictive_entropy")


def row(id_, entropy, accuracy=0.5):
    return {
        "question_id": id_,
        "n_samples": 4,
        "n_unparsable": 0,
        "n_clusters": 1 if entropy == 0 else 2,
        "semantic_entropy": entropy,
        "accuracy": accuracy,
        "mean_token_nll": None,
        "mean_tokens": 8.0,
    } | dict.fromkeys(NUMBERS)


def turned(rows):
    """What was hardest is easiest."""
    return [row(r["question_id"], 1 - r["semantic_entropy"]) for r in rows]


ROWS = [row(f"q{i:02}", i / 100) for i in range(40)]


def ids(rows, stage, rehearsal=False):
    return [r["question_id"] for r in rows if r["stage"] == stage and r["rehearsal"] == rehearsal]


def test_strict_order_inside_a_stage_whatever_the_order_of_rows():
    rows = curriculum(random.Random(1).sample(ROWS, 40), Curriculum())
    assert ids(rows, 1) == [f"q{i:02}" for i in range(20)]
    assert ids(rows, 2) == [f"q{i:02}" for i in range(20, 40)]
    assert [r["position"] for r in rows] == [*range(20), *range(20)]


def test_every_question_has_one_row_and_all_columns():
    rows = curriculum(
        [*ROWS, row("wrong", 0.0, 0.0), row("right", 0.0, 1.0)], Curriculum(drop=["all_correct"])
    )
    assert len(rows) == 42 == len({r["question_id"] for r in rows})
    [left_out] = [r for r in rows if r["stage"] is None]
    assert left_out == {
        "question_id": "right",
        "stage": None,
        "position": None,
        "score": 0.0,
        "semantic_entropy": 0.0,
        "accuracy": 1.0,
        "rehearsal": False,
        "why": "left out: every answer is correct",
    }


def test_rehearsal_brings_back_a_share_of_earlier_stages():
    rows = curriculum(ROWS, Curriculum(n_stages=4, rehearsal=0.3))
    assert [len(ids(rows, stage)) for stage in (1, 2, 3, 4)] == [10, 10, 10, 10]
    assert [len(ids(rows, stage, rehearsal=True)) for stage in (1, 2, 3, 4)] == [0, 3, 6, 9]
    for stage in (2, 3, 4):
        earlier = {id_ for k in range(1, stage) for id_ in ids(rows, k)}
        assert set(ids(rows, stage, rehearsal=True)) <= earlier
        positions = [r["position"] for r in rows if r["stage"] == stage]
        assert positions == list(range(len(positions)))
    assert {r["why"] for r in rows if r["rehearsal"] and r["stage"] == 2} == {"rehearsal of stage 1"}


def test_later_stages_are_sorted_anew_and_earlier_ones_stay():
    settings = Curriculum(n_stages=3, shuffle=False, rehearsal=0.1)
    before = curriculum(ROWS[:30], settings)
    after = rescored(before, turned(ROWS[:30]), 1, settings)
    assert [r for r in after if r["stage"] == 1] == [r for r in before if r["stage"] == 1]
    assert ids(after, 2) == [f"q{i}" for i in range(29, 19, -1)]
    assert ids(after, 3) == [f"q{i}" for i in range(19, 9, -1)]
    assert set(ids(after, 2, rehearsal=True)) <= set(ids(before, 1))
    assert len(ids(after, 2, rehearsal=True)) == 1
    assert len(ids(after, 3, rehearsal=True)) == 2
    new = [r["why"] for r in after if r["stage"] == 2 and not r["rehearsal"]]
    assert all(why.startswith("sorted anew after stage 1") for why in new)


def test_sorting_anew_needs_every_question_that_is_left():
    before = curriculum(ROWS, Curriculum())
    with pytest.raises(SentError, match="20 questions of the stages after 1 have no new semantic entropy"):
        rescored(before, [], 1, Curriculum())
    with pytest.raises(SentError, match="nothing to sort anew after stage 2"):
        rescored(before, ROWS, 2, Curriculum())


def test_sorting_anew_heeds_filters():
    settings = Curriculum(drop=["all_correct"])
    before = curriculum(ROWS, settings)
    new = [row(r["question_id"], 0.5, accuracy=float(r["question_id"] == "q25")) for r in ROWS]
    after = rescored(before, new, 1, settings)
    assert len(after) == 40
    assert [r["question_id"] for r in after if r["stage"] is None] == ["q25"]


def run(tmp_path, settings, *options):
    entropies = tmp_path / "entropies.parquet"
    if not entropies.exists():
        tables.write(entropies, tables.table(tables.SEMANTIC_ENTROPY, ROWS), tables.SEMANTIC_ENTROPY)
    output = tmp_path / "curriculum.parquet"
    arguments = [f"--semantic-entropy={entropies}", f"--output={output}", "--settings", json.dumps(settings)]
    status = main(["curriculum", *arguments, *options])
    return tables.rows(output, tables.CURRICULUM) if status == 0 else None


def test_command_writes_the_table_and_its_settings(tmp_path):
    assert run(tmp_path, {"n_stages": 3}) == curriculum(ROWS, Curriculum(n_stages=3))
    written = json.loads(tables.metadata(tmp_path / "curriculum.parquet")["settings"])
    assert Curriculum(**written) == Curriculum(n_stages=3)


def test_command_sorts_anew(tmp_path):
    before = run(tmp_path, {"shuffle": False})
    tables.write(tmp_path / "before.parquet", tables.table(tables.CURRICULUM, before))
    tables.write(tmp_path / "entropies.parquet", tables.table(tables.SEMANTIC_ENTROPY, turned(ROWS)))
    after = run(tmp_path, {"shuffle": False}, f"--previous={tmp_path / 'before.parquet'}", "--after-stage=1")
    assert ids(after, 1) == ids(before, 1)
    assert ids(after, 2) == ids(before, 2)[::-1]


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ({}, ["--after-stage=1"], "--previous and --after-stage go together"),
        ({"n_stage": 2}, [], "unknown key 'n_stage'; did you mean 'n_stages'?"),
        ({"n_stages": 99}, [], "would hold no question"),
    ],
)
def test_command_refuses(tmp_path, capsys, settings, options, message):
    assert run(tmp_path, settings, *options) is None
    assert message in capsys.readouterr().err


def test_command_refuses_an_empty_table(tmp_path, capsys):
    tables.write(tmp_path / "entropies.parquet", tables.SEMANTIC_ENTROPY.empty_table())
    assert run(tmp_path, {}) is None
    assert "holds no question" in capsys.readouterr().err

"""What a build of the database refuses: rows that are missing, foreign or damaged. The earlier database stays."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from sent import tables
from sent.errors import SentError


def test_responses_that_do_not_cover_the_benchmark_are_refused(
    toy, experiment, patterns, write_evaluation, build
):
    write_evaluation(toy, "small", "grpo", 0, {"sums": patterns["sums"]["grpo"][:3]})
    lacking = r"grpo/seed0/responses.parquet: expected 4 responses to each of 6 questions, 3 have another number: 'products-0'"
    with pytest.raises(SentError, match=lacking):
        build(toy, experiment)
    assert [path.name for path in toy.glob("*results.duckdb*")] == ["results.duckdb"], (
        "a failed build leaves nothing"
    )


def test_a_sample_that_is_there_twice_is_refused(toy, experiment, build):
    for name in ("responses", "verdicts"):
        path = toy / f"evaluation/small/base/seed0/{name}.parquet"
        tables.write(path, tables.read(path).take([0, 1, 1, *range(2, 24)]))
    with pytest.raises(SentError, match="numbered 0, 1, 2"):
        build(toy, experiment)


@pytest.mark.parametrize("rows", [0, 23])
def test_missing_responses_are_refused_with_their_numbers(toy, experiment, rows, build):
    for name in ("responses", "verdicts"):
        path = toy / f"evaluation/small/base/seed0/{name}.parquet"
        tables.write(path, tables.read(path).slice(0, rows))
    problem = (
        "holds no response, expected some to 6"
        if rows == 0
        else "1 have another number: 'products-1' of benchmark 'products' has 3"
    )
    with pytest.raises(SentError, match=rf"base/seed0/responses\.parquet: .*{problem}"):
        build(toy, experiment)


@pytest.mark.parametrize("fault", ["emptied", "one missing"])
@pytest.mark.parametrize(
    "file",
    [
        "verdicts/small",
        "clusters/small",
        "semantic_entropy/small",
        "curriculum/small/semantic_entropy",
        "samples/large",
    ],
)
def test_missing_rows_of_the_stages_before_training_are_refused(toy, experiment, file, fault, build):
    path = toy / f"{file}.parquet"
    rows = tables.read(path)
    tables.write(path, rows.slice(0, 0 if fault == "emptied" else len(rows) - 1))
    problem = f"{path}: expected rows, found none" if fault == "emptied" else str(toy)
    with pytest.raises(SentError, match=f"^{problem}"):
        build(toy, experiment)


@pytest.mark.parametrize("rows", [0, 5])
def test_missing_steps_of_training_are_refused(toy, experiment, rows, build):
    path = toy / "train/small/grpo/seed0/stage1/metrics.parquet"
    tables.write(path, tables.read(path).slice(0, rows))
    with pytest.raises(SentError, match=rf"metrics\.parquet: expected 6 steps, found {rows}"):
        build(toy, experiment)


@pytest.mark.parametrize("rows", [[1, 0, *range(2, 24)], range(23)], ids=["swapped", "one missing"])
def test_verdicts_on_other_responses_are_refused(toy, experiment, rows, build):
    path = toy / "evaluation/small/base/seed0/verdicts.parquet"
    tables.write(path, tables.read(path).take(list(rows)))
    with pytest.raises(SentError, match=r"verdicts\.parquet: verdicts on other responses"):
        build(toy, experiment)


def test_entropy_of_unknown_questions_is_refused(toy, experiment, build):
    (toy / "data/train.parquet").unlink()
    with pytest.raises(SentError, match="rows without the rows of an earlier stage"):
        build(toy, experiment)


def test_a_damaged_file_is_named(toy, experiment, build):
    (toy / "samples/small.parquet").write_text("not parquet")
    with pytest.raises(SentError, match=r"samples/small\.parquet: not a readable Parquet file"):
        build(toy, experiment)


@pytest.mark.parametrize(
    "damage",
    [b"", b'{"steps": 6, "fil', b"\xff\xfe\x00\x80", b"[1]", b'{"other": 1}', b"[" * 100_000],
    ids=["emptied", "truncated", "random bytes", "a list", "another schema", "deep"],
)
@pytest.mark.parametrize(
    "name",
    [
        "train/small/grpo/seed0/stage1/train.json",
        "models/small/provenance.json",
        "models/nli/tiny_nli/accuracy.json",
    ],
)
def test_a_damaged_json_file_is_named(toy, experiment, name, damage, build):
    (toy / name).write_bytes(damage)
    with pytest.raises(SentError, match=re.escape(f"{toy / name}: ")) as error:
        build(toy, experiment)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("other", "said"), [("grpo/seed1/stage1", "'seed' is 1"), ("sent/seed0/stage1", "'method' is 'sent'")]
)
def test_a_summary_of_another_training_is_refused(toy, experiment, other, said, build):
    folder = toy / "train/small"
    shutil.copy(folder / other / "train.json", folder / "grpo/seed0/stage1/train.json")
    with pytest.raises(
        SentError, match=rf"grpo/seed0/stage1/train\.json: {said}, expected .*another training"
    ):
        build(toy, experiment)


def test_a_missing_folder_is_named(tmp_path, experiment, build):
    with pytest.raises(SentError, match="no such folder"):
        build(tmp_path / "nowhere", experiment)


def test_a_failed_build_keeps_the_earlier_database(toy, experiment, build):
    before = (toy / "results.duckdb").read_bytes()
    (toy / "samples/small.parquet").write_text("not parquet")
    with pytest.raises(SentError):
        build(toy, experiment)
    assert (toy / "results.duckdb").read_bytes() == before


FULL = """
import resource, sys
from sent.__main__ import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(["results", "database", "--root", ".", "--experiment", "experiment.json", "--output", "results.duckdb"]))
"""
"""Builds a database where no file can grow beyond so many bytes, which fails as a full disk does."""


@pytest.mark.parametrize("size", [100_000, 400_000, 2_000_000])
def test_a_full_disk_leaves_the_earlier_database(toy, experiment, size, uncovered):
    (toy / "experiment.json").write_text(json.dumps(experiment))
    before = (toy / "results.duckdb").read_bytes()
    assert len(before) > 2_000_000
    files = set(toy.iterdir())
    command = [sys.executable, "-c", FULL, str(size)]
    run = subprocess.run(command, cwd=toy, capture_output=True, text=True, env=uncovered)
    assert run.returncode == 1
    *_, last = run.stderr.splitlines()
    assert last.startswith("error: results.duckdb: cannot be written (")
    assert (toy / "results.duckdb").read_bytes() == before
    assert set(toy.iterdir()) == files

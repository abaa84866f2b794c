"""Files between stages: nothing of another's is replaced, damage is noticed, killed writers leave nothing."""

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from sent import tables
from sent.errors import SentError


def write_folder(path, text: str) -> None:
    with tables.atomic(path) as temporary:
        temporary.mkdir()
        (temporary / "file").write_text(text, encoding="utf-8")


def test_a_folder_is_replaced_only_by_its_writer(tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    theirs.mkdir()
    write_folder(ours, "old")
    write_folder(ours, "new")
    assert (ours / "file").read_text() == "new"
    write_folder(theirs, "an empty folder may be filled")
    (theirs / tables.MARKER).unlink()
    with pytest.raises(SentError, match="theirs: a folder with files that no command of ours has written"):
        write_folder(theirs, "lost")
    assert (theirs / "file").read_text() == "an empty folder may be filled"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ours", "theirs"]


def test_a_linked_folder_is_not_replaced(tmp_path):
    write_folder(tmp_path / "real", "kept")
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(SentError, match="link: a folder"):
        write_folder(tmp_path / "link", "lost")
    assert (tmp_path / "real" / "file").read_text() == "kept"


def test_an_error_leaves_the_earlier_folder(tmp_path):
    write_folder(tmp_path / "out", "old")
    with pytest.raises(RuntimeError), tables.atomic(tmp_path / "out") as temporary:
        temporary.mkdir()
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "file").read_text() == "old"


FULL = """
import resource, sys
import numpy, pyarrow
from sent import tables
from sent.errors import SentError
def fill(path):
    with tables.atomic(path) as temporary:
        if sys.argv[1] == "folder":
            temporary.mkdir()
            temporary = temporary / "a.txt"
        temporary.write_text("x" * 10**6)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000,) * 2)
try:
    if sys.argv[1] == "table":
        tables.write("out", pyarrow.table({"a": numpy.random.default_rng(0).normal(size=10**5)}))
    else:
        fill("out")
except SentError as error:
    print(error)
"""
"""Writes where no file can grow beyond 10 kB, which fails as a full disk does."""


@pytest.mark.parametrize("what", ["table", "folder", "file"])
def test_what_cannot_be_written_is_named_and_leaves_what_was_there(what, tmp_path, uncovered):
    if what == "folder":
        write_folder(tmp_path / "out", "old")
    else:
        (tmp_path / "out").write_text("old")
    command = [sys.executable, "-c", FULL, what]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=uncovered)
    assert run.stdout.startswith("out: cannot be written ([Errno 27]"), run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/file" if what == "folder" else tmp_path / "out").read_text() == "old"


def test_leftovers_of_killed_writers_go_and_those_of_living_ones_stay(tmp_path):
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    dead, alive = int(gone.stdout), os.getppid()
    for name in (
        f".a.{dead}.tmp",
        f".a.{dead}.tmp.wal",
        f".a.{alive}.tmp",
        f".ab.{dead}.tmp",
        f".a.x.{dead}.tmp",
    ):
        (tmp_path / name).touch()
    (tmp_path / f".a.{dead}.earlier.tmp").mkdir()
    with tables.atomic(tmp_path / "a") as temporary:
        temporary.touch()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"a", f".a.{alive}.tmp", f".ab.{dead}.tmp", f".a.x.{dead}.tmp"}


def test_the_smallest_file_has_the_same_rows_in_less_room(tmp_path):
    drawn = np.random.default_rng(0).normal(size=4000)
    rows = pa.table(
        {
            "name": ["a", None] * 2000,
            "step": range(4000),
            "drawn": drawn,
            "single": pa.array(drawn.astype(np.float32)),
            "few": np.round(drawn),
            "unknown": pa.nulls(4000, pa.float64()),
        }
    )
    for name in ("plain", "smallest"):
        tables.write(tmp_path / name, rows, smallest=name == "smallest")
        assert tables.read(tmp_path / name).equals(rows)
    sizes = [(tmp_path / name).stat().st_size for name in ("smallest", "plain")]
    assert sizes[0] < 0.95 * sizes[1]
    tables.write(tmp_path / "empty", rows.slice(0, 0), smallest=True)
    assert len(tables.read(tmp_path / "empty")) == 0


def test_a_flipped_bit_is_noticed(tmp_path):
    """Page checksums find nearly every flipped bit; what is left is in the file's description at its end."""
    rng = np.random.default_rng(0)
    data = pa.table({"id": [f"q{i}" for i in range(2000)], "value": rng.normal(size=2000)})
    path, trials, missed = tmp_path / "t.parquet", 150, 0
    tables.write(path, data)
    whole = path.read_bytes()
    for place in rng.integers(0, len(whole) * 8, trials):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << int(place % 8)
        path.write_bytes(damaged)
        try:
            missed += not tables.read(path).equals(data)
        except SentError as error:
            assert str(path) in str(error)
    assert missed <= trials * 0.02

"""What is packed is small and without texts; unpacked it gives the same scores, tables and figures."""

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from sent import tables
from sent.__main__ import main
from sent.results import archive, figures

TEXTS = ("What is", "so 0", "$7.0$")


def relations(connection) -> list[str]:
    return [
        name
        for (name,) in connection.sql(
            "SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
        ).fetchall()
    ]


@pytest.fixture(scope="module")
def unpacked(packed, tmp_path_factory):
    output = tmp_path_factory.mktemp("unpacked") / "results.duckdb"
    assert main(["results", "unpack", str(packed), "--output", str(output)]) == 0
    return output


def test_everything_that_is_not_about_texts_comes_back(finished, unpacked):
    about_texts = archive.LEFT_OUT | {
        "questions",
        "entailment_confusion",
        "grader_disagreement",
        "recorded_agreement",
    }
    with (
        duckdb.connect(finished / "results.duckdb", read_only=True) as before,
        duckdb.connect(unpacked, read_only=True) as after,
    ):
        names = relations(before)
        assert relations(after) == names and len(names) > 30
        for name in set(names) - about_texts:
            rows, again = (connection.sql(f"FROM {name}").df() for connection in (before, after))
            if name in ("train_metrics", "entropy_curves", "entropy_fit"):  # in single precision
                kept = [column for column in again if column in archive.STEPS or name != "train_metrics"]
                assert len(kept) > 4
                pd.testing.assert_frame_equal(again[kept], rows[kept], rtol=1e-6, check_dtype=False)
            else:
                pd.testing.assert_frame_equal(again, rows)
        assert before.sql("SELECT count(*) FROM metrics").fetchall()[0][0] > 0
        ids = "SELECT dataset, question_id, category FROM questions"
        assert after.sql(ids).fetchall() == before.sql(ids).fetchall()


def test_no_text_is_packed(packed):
    for file in packed.glob("*.parquet"):
        told = str(tables.read(file).to_pylist())
        assert not any(text in told for text in TEXTS), file


def test_figures_of_both_are_equal(finished, unpacked):
    before, after = (figures.draw(database) for database in (finished / "results.duckdb", unpacked))
    assert set(after) == set(before)
    for name in ("pass_at_k", "pareto", "paired_differences", "probe_curves", "probe_pareto"):
        assert after[name].chart.to_json() == before[name].chart.to_json()
        assert after[name].caption == before[name].caption


def test_what_is_no_packed_experiment_is_refused(packed, tmp_path, capsys):
    unpack = ["--output", str(tmp_path / "results.duckdb")]
    assert main(["results", "unpack", str(tmp_path), *unpack]) == 1
    assert "no packed experiment (experiment.parquet)" in capsys.readouterr().err
    for name, damage, expected in (
        ("other.parquet", None, "other.parquet: expected one of "),
        ("probe.parquet", b"PAR1", "probe.parquet: not a readable Parquet file"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        for file in packed.glob("*.parquet"):
            (folder / file.name).write_bytes(file.read_bytes())
        if damage:
            (folder / name).write_bytes(damage)
        else:
            tables.write(folder / name, pa.table({"a": [1]}))
        assert main(["results", "unpack", str(folder), *unpack]) == 1
        assert expected in capsys.readouterr().err
        assert not (tmp_path / "results.duckdb").exists()

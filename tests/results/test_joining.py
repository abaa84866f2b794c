"""Seeds and methods that were measured apart come together as if they had been measured at once, or not at all."""

import json

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from sent import tables
from sent.__main__ import main
from sent.errors import SentError
from sent.results import archive, joining


def part(packed, folder, seeds, methods, change=lambda name, rows: rows):
    """Write what of ``packed`` belongs to some seeds and methods, as a run of these alone would have packed it."""
    for file in packed.glob("*.parquet"):
        rows = change(file.stem, tables.read(file).to_pylist())
        if file.stem == "experiment":
            settings = json.loads(rows[0]["settings"]) | {"seeds": seeds, "methods": methods}
            rows[0]["settings"] = json.dumps(settings, sort_keys=True)
        rows = [
            row
            for row in rows
            if row.get("method", methods[0]) in methods
            and (row.get("method") == "base" or row.get("seed", seeds[0]) in seeds)
        ]
        if file.stem == "methods":
            for row in rows:
                row["position"] = methods.index(row["method"])
        if rows:
            tables.write(folder / file.name, pa.Table.from_pylist(rows, tables.read(file).schema))
    return folder


def relations(database) -> dict[str, pd.DataFrame]:
    with duckdb.connect(database, read_only=True) as connection:
        names = connection.sql(
            "SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
        return {name: connection.sql(f"FROM {name} ORDER BY ALL").df() for (name,) in names}


def test_every_packed_table_has_its_key(finished):
    with duckdb.connect(finished / "results.duckdb", read_only=True) as connection:
        assert set(archive._packed(connection)) == set(joining.KEYS)
        for name, key in joining.KEYS.items():
            rows = connection.sql(f"FROM {name}").df()
            assert not rows.duplicated(key).any(), name


def test_parts_are_joined_to_what_the_whole_gives(packed, tmp_path):
    first = part(packed, tmp_path / "first", [0], ["base", "grpo"])
    second = part(packed, tmp_path / "second", [1], ["base", "grpo", "sent"])
    third = part(packed, tmp_path / "third", [0], ["base", "sent"])
    folders = [str(folder) for folder in (first, second, third)]
    assert main(["results", "unpack", *folders, "--output", str(tmp_path / "joined.duckdb")]) == 0
    archive.unpack([packed], tmp_path / "whole.duckdb")
    joined, expected = relations(tmp_path / "joined.duckdb"), relations(tmp_path / "whole.duckdb")
    assert joined.keys() == expected.keys() and len(expected["metrics"]) > 0
    for name, rows in expected.items():
        pd.testing.assert_frame_equal(joined[name], rows, obj=name)


def test_what_was_joined_is_packed_as_the_whole_is(packed, tmp_path):
    parts = [part(packed, tmp_path / str(seed), [seed], ["base", "grpo", "sent"]) for seed in (0, 1)]
    archive.unpack(parts, tmp_path / "joined.duckdb")
    archive.pack(tmp_path / "joined.duckdb", tmp_path / "again")
    for file in packed.glob("*.parquet"):
        rows, again = (tables.read(folder / file.name).to_pandas() for folder in (packed, tmp_path / "again"))
        keys = joining.KEYS.get(file.stem, [])
        pd.testing.assert_frame_equal(
            *(frame.sort_values(keys, ignore_index=True) if keys else frame for frame in (again, rows)),
            obj=file.stem,
        )


def test_settings_of_an_earlier_version_have_the_defaults_of_what_it_lacked(packed, tmp_path):
    def earlier(name, rows):
        for row in rows:
            if name == "experiment":
                settings = json.loads(row["settings"])
                del settings["training"]["offload"], settings["results"], settings["baselines"]
                row["settings"] = json.dumps(settings)
            if name == "methods" and row["method"] == "grpo":
                settings = json.loads(row["settings"])
                del settings["keeps"]
                row["settings"] = json.dumps(settings)
        return rows

    first = part(packed, tmp_path / "first", [0], ["base", "grpo"], earlier)
    second = part(packed, tmp_path / "second", [1], ["base", "grpo"])
    archive.unpack([first], tmp_path / "alone.duckdb")
    assert set(relations(tmp_path / "alone.duckdb")["paired_differences"]["baseline"]) == {"grpo"}
    archive.unpack([first, second], tmp_path / "joined.duckdb")
    joined = relations(tmp_path / "joined.duckdb")
    assert json.loads(joined["experiment"]["settings"][0])["training"]["offload"] == []
    assert set(joined["paired_differences"]["baseline"]) == {"grpo"}
    assert sorted(joined["methods"]["method"]) == ["base", "grpo"]
    assert set(joined["train_runs"]["seed"]) == {0, 1}


def test_baselines_are_those_of_all_parts(packed, tmp_path):
    def against(*names):
        def change(name, rows):
            for row in rows:
                if name == "experiment":
                    row["settings"] = json.dumps(json.loads(row["settings"]) | {"baselines": names})
            return rows

        return change

    methods = ["base", "grpo", "sent"]
    first = part(packed, tmp_path / "first", [0], methods, against("grpo"))
    second = part(packed, tmp_path / "second", [1], methods, against("grpo", "sent"))
    archive.unpack([first, second], tmp_path / "joined.duckdb")
    rows = relations(tmp_path / "joined.duckdb")["paired_differences"].query("seeds == 2")
    assert set(zip(rows["baseline"], rows["method"], strict=True)) == {("grpo", "sent"), ("sent", "grpo")}


@pytest.mark.parametrize(
    ("entry", "sent", "refused"),
    [
        ({"from": "grpo", "curriculum": "semantic_entropy"}, {}, False),
        ({"clip_low": 0.1}, {"clip_low": 0.1}, True),
    ],
)
def test_a_method_may_be_spelt_otherwise_and_not_be_another(packed, tmp_path, entry, sent, refused):
    def spelt(name, rows):
        for row in rows:
            settings = json.loads(row.get("settings") or "{}")
            if name == "experiment":
                settings["registry"]["methods"]["sent"] = entry
            if name == "methods" and row["method"] == "sent":
                settings |= sent
            if "settings" in row:
                row["settings"] = json.dumps(settings, sort_keys=True)
        return rows

    methods = ["base", "grpo", "sent"]
    parts = [
        part(packed, tmp_path / "first", [0], methods),
        part(packed, tmp_path / "second", [1], methods, spelt),
    ]
    if refused:
        with pytest.raises(SentError, match=r"methods.parquet: settings of method sent is "):
            archive.unpack(parts, tmp_path / "joined.duckdb")
    else:
        archive.unpack(parts, tmp_path / "joined.duckdb")


def test_a_model_that_one_part_had_no_use_for_is_the_other_parts(packed, tmp_path):
    def without_entailment(name, rows):
        for row in rows:
            if name == "models" and row["role"] == "entailment":
                row["provenance"] = row["accuracy"] = None
        return rows

    first = part(packed, tmp_path / "first", [0], ["base", "grpo"], without_entailment)
    second = part(packed, tmp_path / "second", [0], ["base", "sent"])
    rows = joining.joined("models", [first / "models.parquet", second / "models.parquet"]).to_pylist()
    assert rows == tables.read(packed / "models.parquet").to_pylist()


def test_a_sum_that_was_made_in_another_order_is_the_same(packed, tmp_path):
    def one_digit(name, rows):
        scores = name == "question_scores"
        return [
            row | {"semantic_entropy": row["semantic_entropy"] * (1 + 1e-15)} if scores else row
            for row in rows
        ]

    first = part(packed, tmp_path / "first", [0], ["base", "grpo"])
    second = part(packed, tmp_path / "second", [1], ["base", "grpo"], one_digit)
    files = [folder / "question_scores.parquet" for folder in (first, second)]
    found = joining.joined("question_scores", files).to_pandas()
    assert not found.duplicated(joining.KEYS["question_scores"]).any()
    base = tables.read(files[0]).to_pandas().query("method == 'base'")
    assert list(found.query("method == 'base'")["semantic_entropy"]) == list(base["semantic_entropy"])


def other_counts(name, rows):
    for row in rows:
        if name == "question_scores" and row["method"] == "base" and row["question_id"] == "sums-1":
            row["n_correct"] += 1
    return rows


def other_length(name, rows):
    for row in rows:
        if name == "experiment":
            settings = json.loads(row["settings"])
            settings["training"]["lr"] = 0.5
            row["settings"] = json.dumps(settings)
    return rows


def other_weights(name, rows):
    for row in rows:
        if name == "models" and row["model"] == "small":
            row["provenance"] = '{"files": {}}'
    return rows


def other_name(name, rows):
    for row in rows:
        if name == "experiment":
            row["settings"] = row["settings"].replace('"toy"', '"joke"')
    return rows


@pytest.mark.parametrize(
    ("change", "seeds", "expected"),
    [
        (
            other_counts,
            [1],
            "question_scores.parquet: n_correct of model small, method base, seed 0, benchmark sums, question_id sums-1 is "
            "1, and another one in the parts before it (2 such rows)",
        ),
        (other_length, [1], "experiment.parquet: training.lr is 0.5, and 1e-06 in the parts before it"),
        (other_weights, [1], 'models.parquet: provenance of model small is {"files": {}}, and another one'),
        (other_name, [1], "experiment.parquet: experiment is 'joke', and 'toy' in the parts before it"),
    ],
)
def test_parts_of_something_else_are_refused(packed, tmp_path, change, seeds, expected):
    first = part(packed, tmp_path / "first", [0], ["base", "grpo"])
    second = part(packed, tmp_path / "second", seeds, ["base", "grpo"], change)
    with pytest.raises(SentError) as error:
        archive.unpack([first, second], tmp_path / "joined.duckdb")
    assert str(error.value).startswith(f"{second}/{expected}")
    assert not (tmp_path / "joined.duckdb").exists()


def test_a_run_that_two_parts_trained_is_refused(packed, tmp_path):
    def slower(name, rows):
        return [row | {"seconds": row["seconds"] + 1} if name == "train_runs" else row for row in rows]

    first = part(packed, tmp_path / "first", [0], ["base", "grpo"])
    second = part(packed, tmp_path / "second", [0], ["base", "grpo"], slower)
    with pytest.raises(
        SentError,
        match=r"train_runs.parquet: seconds of model small, method grpo, seed 0, .*leave a part out",
    ):
        archive.unpack([first, second], tmp_path / "joined.duckdb")


def test_names_stand_behind_those_that_they_follow():
    order = joining._order([["base", "grpo", "kl_cov", "sent"], ["base", "grpo", "en", "adv", "sent", "own"]])
    assert order == ["base", "grpo", "en", "adv", "kl_cov", "sent", "own"]
    assert joining._order([["b"], ["a", "b"]]) == ["a", "b"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            {"a": [1]},
            "expected a table of `results pack`, found none of its columns model, method, seed, step, question_id",
        ),
        ({"model": [], "method": [], "seed": [], "step": [], "question_id": []}, "expected rows, found none"),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_a_file_of_something_else_is_named(packed, tmp_path, rows, expected, alone):
    first = part(packed, tmp_path / "first", [0], ["base", "grpo"])
    second = part(packed, tmp_path / "second", [1], ["base", "grpo"])
    (second / "probe.parquet").unlink()
    tables.write(second / "probe.parquet", pa.table(rows))
    with pytest.raises(SentError) as error:
        archive.unpack([second] if alone else [first, second], tmp_path / "joined.duckdb")
    assert str(error.value).startswith(f"{second / 'probe.parquet'}: {expected}")

"""`sent sql`: what it prints, and that it can only read."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from sent.__main__ import main


def sql(results, *arguments):
    return main(["sql", "--results", str(results), *arguments])


@pytest.fixture
def results(finished):
    """The folder that holds the experiments."""
    return finished.parent


@pytest.fixture
def two(finished, tmp_path):
    """Two experiments, `new` made after `old`."""
    for age, name in ((100, "old"), (0, "new")):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(finished / "results.duckdb", folder)
        now = (finished / "results.duckdb").stat().st_mtime
        os.utime(folder / "results.duckdb", (now - age, now - age))
    return tmp_path


def test_a_table_is_printed(results, capsys):
    query = "SELECT method, value FROM leaderboard WHERE model = 'small' AND benchmark = 'sums' AND metric = 'avg@4'"
    assert sql(results, query) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.strip("│ ").split() for line in lines[3:6]] == [
        ["base", "│", "0.25"],
        ["grpo", "│", "0.4375"],
        ["sent", "│", "0.625"],
    ]


def test_json_and_csv(results, capsys):
    query = (
        "SELECT method, value FROM scores WHERE model = 'small' AND metric = 'pass@8' AND benchmark = 'sums'"
    )
    sql(results, "--format", "json", query)
    assert json.loads(capsys.readouterr().out)[0] == {"method": "base", "value": None}
    sql(results, "--format", "csv", "SELECT 1 AS a, 'x' AS b")
    assert capsys.readouterr().out == "a,b\n1,x\n"


def test_long_tables_say_what_is_left(results, capsys):
    sql(results, "--rows", "2", "FROM responses")
    assert capsys.readouterr().out.endswith("238 more rows; --rows 240 shows them\n")


def test_without_a_query_the_tables_are_listed(results, capsys):
    assert sql(results) == 0
    assert "leaderboard" in capsys.readouterr().out


def test_the_newest_experiment_answers(two, capsys):
    sql(two, "--format", "csv", "SELECT current_database() AS name")
    captured = capsys.readouterr()
    assert captured.out == "name\nnew\n"
    assert "experiment new, the newest of new, old" in captured.err
    sql(two, "--format", "csv", "--experiment", "old", "SELECT current_database() AS name")
    assert capsys.readouterr().out == "name\nold\n"


def test_all_experiments_at_once(two, capsys):
    sql(
        two,
        "--all",
        "--format",
        "csv",
        "SELECT experiment, count(*) AS n FROM responses GROUP BY ALL ORDER BY ALL",
    )
    assert capsys.readouterr().out == "experiment,n\nnew,240\nold,240\n"
    sql(two, "--format", "csv", "SELECT count(*) AS n FROM old.leaderboard WHERE metric = 'avg@4'")
    assert capsys.readouterr().out == "n\n18\n"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (a INTEGER)",
        "UPDATE scores SET value = 1",
        "DELETE FROM responses",
        "COPY scores TO 'scores.csv'",
        "SELECT * FROM read_text('/etc/hostname')",
        "ATTACH 'other.duckdb'",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "PRAGMA enable_external_access = true",
        "INSERT INTO scores SELECT * FROM scores",
        "SELECT 1; DROP TABLE scores",
        "CREATE TABLE toy.mine AS SELECT 1",
        "EXPORT DATABASE 'everything'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "LOAD httpfs",
        "INSTALL httpfs",
        "SELECT * FROM read_blob('/etc/hostname')",
        "SELECT * FROM read_parquet('/etc/hostname')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "COPY (SELECT 1) TO 'one.csv'",
        "IMPORT DATABASE 'everything'",
        "SET temp_directory = 'elsewhere'",
        "SET extension_directory = 'elsewhere'",
        "CREATE SECRET mine (TYPE s3)",
    ],
)
def test_nothing_can_be_changed_or_read_elsewhere(results, statement, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = (results / "toy/results.duckdb").read_bytes()
    assert sql(results.absolute(), statement) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ") and printed.err.count("\n") == 1 and not printed.out
    assert (results / "toy/results.duckdb").read_bytes() == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("query", ["", "  ", "-- nothing"])
def test_an_empty_query_is_an_error(results, query, capsys):
    assert sql(results, query) == 1
    assert "an empty query" in capsys.readouterr().err


def test_errors_name_the_line(results, capsys):
    assert sql(results, "SELECT model,\n    methd\nFROM scores") == 1
    error = capsys.readouterr().err
    assert '"methd" not found' in error and "in line 2 (tables" in error and error.count("\n") == 1


def test_sums_are_printed_whole(results, capsys):
    sql(results, "SELECT sum(i) AS total, 12345.678 AS real, 0.123456 AS share FROM range(200) AS r(i)")
    assert capsys.readouterr().out.splitlines()[3].strip("│ ").split() == [
        "19900",
        "│",
        "12346",
        "│",
        "0.1235",
    ]


def test_integers_stay_exact_and_blobs_readable(results, capsys):
    query = "SELECT sum(1) AS one, sum(n) AS s, '\\xFFa'::BLOB AS b, 'nan'::DOUBLE AS x FROM (SELECT 12345678901234567 AS n)"
    assert sql(results, query, "--format", "json") == 0
    assert capsys.readouterr().out == '[{"one": 1, "s": 12345678901234567, "b": "\\\\xFFa", "x": null}]\n'
    assert sql(results, query, "--format", "csv") == 0
    assert capsys.readouterr().out == "one,s,b,x\n1,12345678901234567,\\xFFa,\n"


def test_columns_of_one_name_are_told_apart(results, capsys):
    assert sql(results, "SELECT 1 AS a, 2 AS a", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == [{"a": 1, "a_1": 2}]


def test_a_table_moves_no_cursor(results, capsys):
    assert sql(results, "SELECT 'x' || chr(27) || '[2J' AS a") == 0
    assert "\x1b" not in capsys.readouterr().out


def test_ctrl_c_ends_a_query(results):
    endless = "SELECT max(hash(i)) FROM range(1000000000000000) t(i)"
    command = [sys.executable, "-m", "sent", "sql", "--results", str(results), endless]
    # Where these tests run in the background, a shell has them ignore Ctrl-C; the command must not.
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, preexec_fn=heed, **pipes) as run:
        try:
            time.sleep(4)
            assert run.poll() is None
            run.send_signal(signal.SIGINT)
            out, err = run.communicate(timeout=60)
        finally:
            run.kill()
    assert (run.returncode, out) == (130, "")
    assert err == "error: interrupted; the same command starts again, or goes on where it can\n"


def test_markdown_is_a_table_of_all_rows(results, capsys):
    sql(
        results,
        "--format",
        "markdown",
        "--rows",
        "1",
        "SELECT model, 'a|b' AS text FROM models WHERE role = 'policy'",
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("|")[1].strip() == "model" and len(lines) == 4
    assert all("a\\|b" in line for line in lines[2:])


def test_a_wrong_table_is_named_with_the_nearest(results, capsys):
    assert sql(results, "SELECT * FROM leaderbord") == 1
    assert 'Did you mean "leaderboard' in capsys.readouterr().err


def test_an_unknown_experiment_is_named_with_the_nearest(results, capsys):
    assert sql(results, "--experiment", "tyo", "SELECT 1") == 1
    assert "no database of experiment 'tyo'; did you mean 'toy'?" in capsys.readouterr().err


def test_no_database_at_all(tmp_path, capsys):
    assert sql(tmp_path, "SELECT 1") == 1
    assert "no experiment has a results.duckdb" in capsys.readouterr().err


def test_a_file_that_is_no_database(tmp_path, capsys):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/results.duckdb").write_text("nonsense")
    assert sql(tmp_path, "SELECT 1") == 1
    assert "not a database of results" in capsys.readouterr().err


def test_of_names_that_differ_in_capitals_one_is_left_out_and_named(two, capsys, caplog):
    (two / "old").rename(two / "NEW")
    for name in ("new", "NEW"):
        assert sql(two, "--experiment", name, "--format", "csv", "SELECT current_database() AS a") == 0
        assert capsys.readouterr().out == f"a\n{name}\n"
        assert "left out, its name differs only in capitals from" in caplog.text


def test_a_damaged_database_does_not_hide_the_others(two, capsys):
    (two / "old/results.duckdb").write_text("nonsense")
    assert sql(two, "--experiment", "new", "--format", "csv", "SELECT count(*) AS n FROM responses") == 0
    assert capsys.readouterr().out == "n\n240\n"
    assert sql(two, "--format", "csv", "--all", "SELECT DISTINCT experiment FROM responses") == 0
    assert capsys.readouterr().out == "experiment\nnew\n"
    assert sql(two, "--experiment", "old", "SELECT 1") == 1
    assert "old/results.duckdb: not a database of results" in capsys.readouterr().err

"""The table that `make demo` ends with."""

import json
import shutil

import duckdb
import pytest
from sent.__main__ import main
from sent.errors import SentError
from sent.experiment import read
from sent.results import database as database_module
from sent.results import leaderboard, paper_tables, prose
from sent.results.experiment_data import ExperimentData


def test_scores_differences_and_places(finished, database):
    text = leaderboard.text(database)
    line = next(line for line in text.splitlines() if "small" in line and "sent" in line)
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells[:2] == ["small", "sent"]
    assert cells[2].startswith("56.2 [")  # mean of 10/16 and 4/8
    assert cells[-2].startswith(
        "100.0 ["
    )  # pass@4: of 4 responses to each question some were right; pass@8 is unknown
    assert cells[-1].startswith("+15.6 [")  # mean of 3/16 and 1/8
    assert "tiny_nli: 98.5% of held-out pairs right" in text
    assert f"database  {database}" in text
    assert "report" not in text, "a file that is not there is not named"


def test_an_experiment_without_evaluation_says_so(tmp_path, experiment):

    (tmp_path / "toy").mkdir()
    database_module.build(tmp_path / "toy", read(json.dumps(experiment)), tmp_path / "toy/results.duckdb")
    assert "there is no leaderboard" in leaderboard.text(tmp_path / "toy/results.duckdb")


def test_an_experiment_without_evaluation_shows_its_entropies(toy, experiment):

    shutil.rmtree(toy / "evaluation")
    database_module.build(toy, read(json.dumps(experiment)), toy / "results.duckdb")
    text = leaderboard.text(toy / "results.duckdb")
    assert "there is no leaderboard" in text
    # Mean of 1.386, 1.040, 0.562 and 0.
    assert "0.747" in next(line for line in text.splitlines() if "small" in line)


def test_a_missing_database_is_named(tmp_path):
    with pytest.raises(SentError, match=r"none\.duckdb: no such file; make it with `snakemake results`"):
        leaderboard.text(tmp_path / "none.duckdb")


def test_the_commands_by_hand(toy, experiment, tmp_path, capsys):

    output = tmp_path / "out.duckdb"
    arguments = ["--root", str(toy), "--experiment", json.dumps(experiment), "--output", str(output)]
    assert main(["results", "database", *arguments]) == 0
    assert main(["results", "leaderboard", "--database", str(output)]) == 0
    assert "avg@4" in capsys.readouterr().out
    with duckdb.connect(output, read_only=True) as connection:
        assert connection.execute("SELECT name FROM experiment").fetchone() == ("toy",)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ({}, "Of each training, the policy after its last step is evaluated."),
        (
            {"grpo": "best_probe", "sent": "best_probe"},
            "Of each training, the policy of the last stage's step with the best probe pass@1 is evaluated.",
        ),
        (
            {"sent": "best_probe"},
            "Of each training is evaluated: the policy after its last step (grpo); the policy of the last stage's step with "
            "the best probe pass@1 (sent).",
        ),
    ],
)
def test_every_table_of_scores_says_which_policy_is_evaluated(toy, experiment, kept, expected, tmp_path):
    for path in toy.glob("train/*/*/*/*/train.json"):
        summary = json.loads(path.read_text())
        keep = kept.get(path.relative_to(toy).parts[2])
        path.write_text(json.dumps(summary | ({"settings": {"keep": keep}} if keep else {})))
    database_module.build(toy, read(json.dumps(experiment)), toy / "results.duckdb")
    paper_tables.write(toy / "results.duckdb", tmp_path / "tables")
    with duckdb.connect(toy / "results.duckdb", read_only=True) as connection:
        methods = prose.methods(ExperimentData(connection))
    texts = [
        leaderboard.text(toy / "results.duckdb"),
        leaderboard.markdown(toy / "results.duckdb"),
        (tmp_path / "tables/avg_at_n.md").read_text(),
        (tmp_path / "tables/pass_at_k.tex").read_text(),
        methods,
    ]
    assert all(expected in " ".join(text.replace("\\_", "_").split()) for text in texts)

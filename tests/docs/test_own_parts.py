"""docs/own_figure.md and docs/own_entailment.md work as they stand."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def blocks(page: str) -> list[str]:
    """The Python on a page."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.DOTALL)


def package(folder: Path) -> Path:
    """A copy of the package that a test may add to."""
    return shutil.copytree(
        ROOT / "workflow" / "sent", folder / "sent", ignore=shutil.ignore_patterns("__pycache__")
    )


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run a command of the copy."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "sent", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_a_figure_of_one_s_own(tmp_path):
    function, line = blocks("own_figure.md")
    figures = package(tmp_path) / "results" / "figures"
    (figures / "lengths.py").write_text(function, "utf-8")
    head, mark, rest = (figures / "__init__.py").read_text("utf-8").partition("PNG_SCALE =")
    (figures / "__init__.py").write_text(f"{head}{line}\n{mark}{rest}", "utf-8")
    make_database(tmp_path)
    drawn = run(tmp_path, "results", "figures", "--database", "results.duckdb", "--output", "figures")
    assert drawn.returncode == 0, drawn.stderr
    caption = (tmp_path / "figures" / "response_lengths.txt").read_text("utf-8")
    assert caption == "Mean length of responses; GRPO writes longest, 30.0 tokens.\n"
    assert (tmp_path / "figures" / "response_lengths.png").read_bytes().startswith(b"\x89PNG")


def make_database(folder: Path) -> None:
    """What the figure asks for: names, and responses of 10 and 20, and of 30 tokens."""
    import duckdb
    from sent.results.queries import run as execute

    with duckdb.connect(folder / "results.duckdb") as connection:
        for name in ("macros", "schema"):
            execute(connection, name)
        connection.execute(
            "INSERT INTO models BY NAME SELECT 'm' AS model, 0 AS position, 'M' AS label, 'policy' AS role"
        )
        connection.execute(
            "INSERT INTO methods BY NAME "
            "SELECT * FROM (VALUES ('base', 0, 'base'), ('grpo', 1, 'GRPO')) AS t(method, position, label)"
        )
        connection.execute(
            "INSERT INTO responses BY NAME SELECT 'm' AS model, method, 0 AS seed, 'b' AS benchmark, 'q' AS question_id, "
            "sample, tokens AS n_tokens "
            "FROM (VALUES ('base', 0, 10), ('base', 1, 20), ('grpo', 0, 30)) AS t(method, sample, tokens)"
        )
        execute(connection, "views")


def test_an_entailment_backend_of_one_s_own(tmp_path):
    backend, line = blocks("own_entailment.md")
    copy = package(tmp_path)
    (copy / "semantic_entropy" / "entailment" / "bag_of_words.py").write_text(backend, "utf-8")
    with (copy / "config" / "backends.py").open("a", encoding="utf-8") as table:
        table.write(f"\n{line}")
    row = {
        "id": "a",
        "question": "Who?",
        "responses": ["Ada Lovelace", "lovelace ada", "Ada", "Ada Lovelace"],
    }
    (tmp_path / "samples.jsonl").write_text(json.dumps(row), "utf-8")
    said = run(
        tmp_path, "semantic-entropy", "samples.jsonl", "--entailment", "bag_of_words", "--bare-answers"
    )
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert (found["clusters"], found["n_clusters"]) == ([0, 0, 1, 0], 2)

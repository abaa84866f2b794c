"""The examples of docs/own_benchmark.md and docs/own_model.md do what the pages say."""

import re
from pathlib import Path

import pytest
import yaml
from sent.config import Benchmark, Model, SemanticEntropy
from sent.data.load import load

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def test_the_example_file_loads_by_its_entry(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("own_benchmark.md", "json")
    Path("quiz.jsonl").write_text(example)
    entry = Benchmark.model_validate(yaml.safe_load(blocks("own_benchmark.md", "yaml")[0])["quiz"])
    loaded = [tuple(row.values()) for row in load(entry.source).questions]
    assert loaded == [
        ("a1", "What is 2 + 2?", "4", "sums", None),
        ("a2", "What is half of 3?", "\\frac{3}{2}", "halves", None),
    ]


def test_all_entries_of_the_pages_are_valid():
    checked = []
    for page, settings in (("own_benchmark.md", Benchmark), ("own_model.md", Model)):
        for block in blocks(page, "yaml"):
            for name, entry in yaml.safe_load(block).items():
                if name == "semantic_entropy":
                    SemanticEntropy.model_validate(entry)
                elif isinstance(entry, dict):
                    settings.model_validate(entry)
                checked.append(name)
    assert {"quiz", "quiz-hub", "mine", "nli-deberta-v3-base", "semantic_entropy"} <= set(checked)


@pytest.mark.parametrize("page", ["own_benchmark.md", "own_model.md"])
def test_commands_of_the_pages_have_known_options(page):
    import argparse
    import importlib
    import shlex

    from sent.__main__ import COMMANDS

    lines = [line for block in blocks(page, "bash") for line in block.splitlines() if "-m sent" in line]
    assert lines
    for line in lines:
        name, *arguments = shlex.split(line)[3:]
        parser = argparse.ArgumentParser()
        importlib.import_module(COMMANDS[name][0]).add_arguments(parser)
        assert parser.parse_args(arguments)

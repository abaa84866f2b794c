"""What the pages for users refer to exists: linked files and headings, commands with their options, make targets."""

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest
from checkouts import Planner
from sent.__main__ import ALIASES, COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "config/*.md", "envs/*.md", "results/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The anchors that headings get: lower case, without punctuation, with hyphens for spaces."""
    headings = re.findall(r"^#+ (.*)$", without_code(path.read_text()), re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in plain}


def command_lines(text: str) -> list[str]:
    """Lines of the blocks for a shell, continued ones joined."""
    blocks = re.findall(r"^```(?:bash|console|sh)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    joined = [block.replace("\\\n", " ") for block in blocks]
    return [line.strip() for block in joined for line in block.splitlines() if line.strip()]


def words(line: str) -> list[str]:
    """The words of a command up to a comment, a pipe or a redirection."""
    found = shlex.split(line, comments=True)
    ends = [index for index, word in enumerate(found) if word in ("|", ">", "&&", "&", ";")]
    return found[: min(ends, default=len(found))]


@pytest.mark.parametrize("page", NAMES)
def test_links_lead_somewhere(page):
    path = ROOT / page
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", NAMES)
def test_commands_have_the_options_that_are_named(page):
    """Every ``python -m sent COMMAND --option`` in a block or in running text."""
    text = (ROOT / page).read_text()
    inline = re.findall(r"`(python -m sent [^`]+)`", without_code(text).replace("\n", " "))
    lines = [
        line[line.index("python -m sent") :] for line in command_lines(text) if "python -m sent " in line
    ]
    for line in [*lines, *inline]:
        _, _, _, name, *arguments = words(line)
        if name.isupper() or name.startswith("-"):
            continue  # stands for any command, or is --help
        parser = argparse.ArgumentParser()
        importlib.import_module(COMMANDS[ALIASES.get(name, name)][0]).add_arguments(parser)
        options = {flag for action in _actions(parser, arguments) for flag in action.option_strings}
        assert {word.partition("=")[0] for word in arguments if word.startswith("--")} <= options, line


def _actions(parser: argparse.ArgumentParser, arguments: list[str]) -> list[argparse.Action]:
    """The parser's own actions and those of the subcommand that is named."""
    actions = list(parser._actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            assert arguments[0].isupper() or arguments[0] in action.choices, arguments[0]
            actions += [
                inner
                for name in arguments[:1]
                if name in action.choices
                for inner in action.choices[name]._actions
            ]
    return actions


@pytest.mark.parametrize("page", NAMES)
def test_make_targets_exist(page):
    text = (ROOT / page).read_text()
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    lines = [words(line) for line in command_lines(text) if line.startswith("make ")]
    named = {word for line in lines for word in line[1:] if "=" not in word}
    named |= set(re.findall(r"`make ([\w-]+)`", text))
    assert named <= targets


SNAKEMAKE = sorted(
    {
        line
        for page in PAGES
        for line in command_lines(page.read_text())
        if line.startswith("snakemake ") and "--unlock" not in line
    }
)
ELSEWHERE = (
    "a.jsonl",
    "my_",
    "mine",
    "quiz",
    "kubernetes",
    "--executor",
    "damp_certain",
    "bag_of_words",
    "--sdm",
    "--software-deployment",
    "FILE",
)
"""Commands that need a file of the reader's, a cluster or a container: their options are checked, not their plan."""


@pytest.fixture(scope="module")
def snakemake_parser():
    from snakemake.cli import get_argument_parser

    return get_argument_parser()


def test_snakemake_options_exist(snakemake_parser):
    known = {flag for action in snakemake_parser._actions for flag in action.option_strings}
    for line in SNAKEMAKE:
        flags = {word.partition("=")[0] for word in words(line) if word.startswith("-") and len(word) > 1}
        # Those of executors are known only where one is chosen.
        assert {flag for flag in flags if not flag.startswith("--slurm")} <= known, line


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_snakemake_commands_plan(tmp_path):
    """Every command about the experiments here plans, in a folder without results."""
    planner = Planner(tmp_path)
    place = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    plans = {tuple(words(line)[1:]) for line in SNAKEMAKE if not any(name in line for name in ELSEWHERE)}
    for arguments in sorted(plans):
        named = [str(ROOT / word) if word.startswith("config/") else word for word in arguments]
        planner([*named, "--dry-run", "--quiet", "all", *place])
    planner.close()
    assert len(plans) > 10


def test_the_index_names_every_page():
    index = (ROOT / "docs" / "README.md").read_text()
    assert [
        path.name
        for path in ROOT.glob("docs/*.md")
        if path.name not in ("README.md",) and path.name not in index
    ] == []


def test_contributing_names_paths_that_exist_and_few_files_a_recipe():
    """Links are tested above; this is how many files of code one opens for each of the usual questions."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    sections = dict(re.findall(r"^### (.*?)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))
    opened = {
        name: set(re.findall(r"\]\(((?:workflow|config|tests)/[^)]+)\)", body))
        for name, body in sections.items()
    }
    assert set(sections) == {
        *("The loss", "Entropy", "What repeats what", "A method", "A curriculum", "A benchmark"),
        *("A figure", "An entailment backend", "A sampler"),
    }
    for paths in opened.values():
        for path in paths:
            assert (ROOT / path).exists(), path
    assert len(opened["A figure"]) == len(opened["An entailment backend"]) == 2
    assert len(opened["The loss"]) == 3, "the sum, its clipping, its weights"
    assert sum("training/" in path for path in opened["What repeats what"]) == 2, "restart"
    assert [path for path in opened["A curriculum"] if "/curriculum/" in path] == [
        "workflow/sent/curriculum/sort.py"
    ]

"""sent/paths.py and the rules say the same: every rule's files, the jobs of an experiment, the inputs of the database."""

import re
from pathlib import Path

import pytest
from sent.experiment import load
from sent.paths import RULES, State, jobs
from sent.results.files import Files
from sent.results.provenance import READ_BY_DATABASE

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "results/{experiment}/"
THREE = {"semantic_entropy": {"n_stages": 3, "rescore": True}}
NOT_OF_AN_EXPERIMENT = {"prune_checkpoints", "readme_pictures", "study_page", "unpack_study"}
"""One only removes files, the other writes to docs/."""


def literal_paths(directive: str, text: str) -> dict[str, str]:
    """Paths below results/ in the text of a rule's directive, by name."""
    block = re.search(rf"\n( +){directive}:\n((?:\1 +.*\n|\n)+)", text)
    named = re.findall(r'(?:(\w+)=(?:\w+\(\s*)*)?"results/\{experiment\}/([^"]+)"', block[2] if block else "")
    return dict(named)


def written_rules() -> dict[str, tuple[dict, str, str]]:
    """Outputs, log and benchmark of every rule that makes something, as the rule files say them."""
    found = {}
    for path in sorted((ROOT / "rules").glob("*.smk")):
        parts = re.split(r"^ *rule (\w+):", path.read_text(), flags=re.MULTILINE)[1:]
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if "shell:" in text and name not in NOT_OF_AN_EXPERIMENT:
                (log,) = literal_paths("log", text).values()
                (benchmark,) = literal_paths("benchmark", text).values()
                found[name] = (literal_paths("output", text), log, benchmark)
    return found


def test_rules_and_paths_say_the_same():
    said = {
        name: (rule.outputs, f"logs/{rule.job}.log", f"benchmarks/{rule.job}.tsv")
        for name, rule in RULES.items()
    }
    assert written_rules() == said


def test_inputs_are_outputs():
    """Whatever a rule file names below results/ is made by a rule, or is a log, a benchmark or below a folder made."""
    made = {path for rule in RULES.values() for path in rule.outputs.values()}
    for path in (ROOT / "rules").glob("*.smk"):
        text = re.sub(r"\{\{(\w+)\}\}", r"{\1}", path.read_text())
        for literal in re.findall(r'"results/\{experiment\}/([^"]+)"', text):
            # An expansion over another name of the axis, or the training of a state.
            same = re.sub(r"^train/\{state\}/", "train/{model}/{method}/seed{seed}/stage{stage}/", literal)
            same = re.sub(r"^models/\{state\}", "models/{model}", same)
            assert same in made | {"train"} or same.startswith(("logs/", "benchmarks/")), (path.name, literal)


@pytest.mark.parametrize("text", ["a-model", "qwen2.5/sent/seed3/stage2"])
def test_states_read_as_they_are_written(text):
    assert str(State.parse(text)) == text
    assert f"{State.parse(text)}" == text


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"registry": {"curricula": THREE}, "seeds": [0, 1], "curricula": ["mixed"], "probe": {"count": 2}},
    ],
)
def test_a_run_has_these_jobs_and_the_database_reads_what_its_rule_declares(own_checkout, changes):
    experiment = load(own_checkout.experiment | changes)
    printed = own_checkout.snakemake("--dry-run", changes=changes).stdout
    inputs = re.search(
        r"Building the database of trial\nReason: .*Input files updated by another job: (.*)", printed
    )
    counts = dict(re.findall(r"^(\w+) +(\d+)$", printed, re.MULTILINE))
    found = [job.rule for job in jobs(experiment)]
    assert {rule: str(found.count(rule)) for rule in found} == {
        rule: count for rule, count in counts.items() if rule not in ("all", "total", "sample")
    }
    root = own_checkout.work / "results/trial"
    for job in jobs(experiment):
        for path in job.outputs.values():
            if Path(path).suffix:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).touch()
            else:
                (root / path).mkdir(parents=True, exist_ok=True)
    files = Files(root, experiment)
    read = {file.path for name in READ_BY_DATABASE for file in files.called(name)}
    read |= set(files.folders())
    declared = {own_checkout.work / path for path in inputs[1].split(", ")}
    assert read == declared

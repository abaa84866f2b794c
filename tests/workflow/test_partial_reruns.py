"""What Snakemake repeats after a change: the tables of docs/partial_reruns.md, row by row, on two whole experiments."""

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from checkouts import Checkout, Planner, merged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
SMALLEST = {"nano-small": "nano-smoke", "nano-nli": "nano-nli-smoke", "nano-smoke": "nano-small"}
"""What stands in config/smoke.yaml in place of the models of config/config.yaml that the page names."""

AXES = {"experiment", "models", "methods", "benchmarks", "seeds", "sampling"}
"""Settings by which an experiment has other jobs, of other names."""


def tables() -> list[list[list[str]]]:
    """Return the tables of the page, as rows of cells without their heads."""
    text = (ROOT / "docs" / "partial_reruns.md").read_text()
    found = re.findall(r"^(?:\|.*\n)+", text, re.MULTILINE)
    rows = [table.splitlines()[2:] for table in found]
    return [[[cell.strip() for cell in row[1:-1].split("|")] for row in table] for table in rows]


def code(cell: str) -> str:
    return cell.strip("` ")


SETTINGS, OPERATION, EDITS, STAGES = tables()
RULES = {code(stage): re.findall(r"`(\w+)`", rules) for stage, rules, _ in STAGES}


class Finished:
    """An experiment whose files all exist, and what Snakemake would do about it."""

    def __init__(self, checkout: Checkout, name: str, work: Path):
        text = (ROOT / "config" / f"{name}.yaml").read_text()
        self.checkout = Checkout(checkout.root, work, {"seeds": [0], **yaml.safe_load(text)})
        run = self.checkout.snakemake()
        assert run.returncode == 0, run.stdout + run.stderr
        self.planner = Planner(work)
        rules = "".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
        messages = re.findall(r"^ *rule (\w+):\n(?: +.*\n|\n)*? +message:\n +\"(.*)\"", rules, re.MULTILINE)
        self.patterns = {rule: re.sub(r"\{.*?\}", ".+", text) for rule, text in messages}
        self.everything = self.plan("--forceall")

    def plan(self, *arguments, changes: dict | None = None) -> set[str]:
        """Return the messages of the jobs that Snakemake would run."""
        printed = self.planner(self.checkout.arguments("--dry-run", *arguments, changes=changes))
        return set(re.findall(r"^Job \d+: (.*)$", printed, re.MULTILINE))

    def expected(self, cell: str, changes: dict | None = None) -> set[str]:
        """Return the messages of the jobs of a table's cell, out of all that a whole run would have."""
        other_jobs = AXES & set(changes or {})
        jobs, everything = set(), self.plan("--forceall", changes=changes) if other_jobs else self.everything
        for part in cell.split(";"):
            names, _, of = part.partition(" of ")
            rules = [rule for name in re.findall(r"`(\w+)`", names) for rule in RULES.get(name, [name])]
            wanted = re.findall(r"`(.+?)`", of)
            found = {
                job
                for job in everything
                for rule in rules
                if re.fullmatch(self.patterns[rule], job)
                and (not of or any(re.search(rf"(?<![\w-]){word}(?![\w-])", job) for word in wanted))
            }
            assert found or not part.strip("` |"), f"no job is meant by {part!r}"
            jobs |= found
        return jobs

    @contextmanager
    def edited(self, name: str, text: str) -> Iterator[None]:
        """Let a file of the checkout read otherwise for a while."""
        path = self.checkout.root / name
        before = path.read_text()
        try:
            path.write_text(text)
            yield
        finally:
            path.write_text(before)


@pytest.fixture(scope="module")
def nano(checkout, tmp_path_factory):
    finished = Finished(checkout, "config", tmp_path_factory.mktemp("nano"))
    yield finished
    finished.planner.close()


@pytest.fixture(scope="module")
def smoke(checkout, tmp_path_factory):
    finished = Finished(checkout, "smoke", tmp_path_factory.mktemp("smoke"))
    yield finished
    finished.planner.close()


def check_setting(finished: Finished, where: str, example: str, cell: str) -> None:
    values = yaml.safe_load(example)
    if where == "experiment":
        assert finished.plan(changes=values) == finished.expected(cell, values)
        return
    entries = yaml.safe_load((finished.checkout.root / where).read_text())
    with finished.edited(where, yaml.safe_dump(merged(entries, values))):
        assert finished.plan() == finished.expected(cell)


def test_nothing_changed_repeats_nothing(nano, smoke):
    assert nano.plan() == smoke.plan() == set()


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row[0])
def test_a_changed_setting_of_nano(nano, row):
    _, where, example, cell = row
    check_setting(nano, code(where), code(example), cell)


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row[0])
def test_a_changed_setting_of_smoke(smoke, row):
    change, where, example, cell = row
    kept_apart = smoke.checkout.experiment["data"]["exclude_benchmark_questions"]
    if change == "questions kept apart from the benchmarks":
        example = example.replace(str(kept_apart).lower(), str(not kept_apart).lower())
    if change == "another benchmark":
        cell = next(other for name, *_, other in SETTINGS if name == f"{change} to keep apart")
    names = re.compile(r"nano-\w+")
    example, cell = (names.sub(lambda match: SMALLEST[match[0]], text) for text in (example, cell))
    check_setting(smoke, code(where), code(example), cell)


@pytest.mark.parametrize("row", EDITS, ids=lambda row: code(row[0]))
def test_edited_code(smoke, row):
    name, cell = code(row[0]), row[1]
    text = (smoke.checkout.root / name).read_text()
    ways = {
        ".py": f"{text}\nEDITED = 1\n",
        ".sql": f"{text}\nSELECT 1;\n",
        ".smk": text.replace("python -m sent", "python -O -m sent"),
    }
    with smoke.edited(name, ways[Path(name).suffix]):
        assert smoke.plan() == smoke.expected(cell)


def test_every_stage_has_its_edit():
    assert RULES.keys() <= {Path(code(name)).parts[2] for name, _ in EDITS if "sent/" in name}


def test_comments_docstrings_and_layout_repeat_nothing(nano, smoke):
    files = {path: path.read_text() for path in smoke.checkout.root.rglob("*.py")}
    rules = {path: path.read_text() for path in (smoke.checkout.root / "rules").glob("*.smk")}
    try:
        for path, text in files.items():
            tree = ast.parse(text)
            if ast.get_docstring(tree):
                tree.body[0].value.value = "Another docstring."
            path.write_text(f"# A remark.\n{ast.unparse(tree)}\n")
        for path, text in rules.items():
            path.write_text(text.replace('"""', '"""Reworded. ', 1) + "\n\n# A remark.\n")
        assert smoke.plan() == nano.plan() == set()
    finally:
        for path, text in {**files, **rules}.items():
            path.write_text(text)


@pytest.mark.parametrize("row", STAGES, ids=lambda row: code(row[0]))
def test_a_stage_on_request(smoke, row):
    stage, cell = code(row[0]), row[2]
    assert smoke.plan("--forcerun", *RULES[stage]) == smoke.expected(cell)


@pytest.mark.parametrize("stage", RULES)
def test_up_to_a_stage_and_without_it(smoke, stage):
    """A stage's name ends a run there; omitting its rules leaves out what forcing them would repeat, and only that."""
    up_to = smoke.plan("--forceall", "--until", stage)
    assert up_to == smoke.plan("--forceall", stage)
    after = list(RULES)[list(RULES).index(stage) + 1 :]
    assert smoke.expected(f"`{stage}`") <= up_to
    assert not up_to & smoke.expected(", ".join(f"`{name}`" for name in after))
    left = smoke.plan("--forceall", "--omit-from", *RULES[stage])
    assert left == smoke.everything - smoke.plan("--forcerun", *RULES[stage])


@pytest.mark.parametrize("flag", ["--forcerun", "--omit-from"])
def test_a_stage_where_rules_are_expected(checkout, flag):
    run = checkout.snakemake("--dry-run", flag, "data")
    assert run.returncode != 0
    assert (
        f"name its rules instead, all or some: {flag} read_questions read_benchmark"
        in run.stdout + run.stderr
    )


def test_the_method_of_the_page_about_own_methods_trains_alone(smoke):
    """Its function is a new file, its entry stands in config/methods.yaml: nothing else runs again."""
    page = (ROOT / "docs" / "own_method.md").read_text()
    function = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    entry = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1]
    registry = (smoke.checkout.root / "config" / "methods.yaml").read_text()
    weighting = smoke.checkout.root / "workflow/sent/training/weightings/damp_certain.py"
    named = {"methods": ["...", "damp_certain"]}
    try:
        weighting.write_text(function)
        with smoke.edited("config/methods.yaml", registry + entry):
            expected = smoke.expected("`training` of `damp_certain`", named)
            assert smoke.plan("training", changes=named) == expected
            assert len(expected) == 1
    finally:
        weighting.unlink()


def test_rescoring_sorts_the_stages_to_come_anew(smoke):
    """After stages 1 and 2 of `sent`, which has three; the sampling of the untrained model stays."""
    three = {"semantic_entropy": {"n_stages": 3, "rescore": True}}
    changes = {"registry": {"curricula": three}}
    printed = smoke.planner(smoke.checkout.arguments("--dry-run", changes=changes))
    counts = dict(re.findall(r"^(\w+) +(\d+)$", printed, re.MULTILINE))
    again = ("sample", "grade", "measure_semantic_entropy")
    assert [counts[rule] for rule in again] == ["4", "2", "2"]
    assert (counts["sort_questions"], counts["train"]) == ("3", "3")

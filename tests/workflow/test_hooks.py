"""What runs before a commit and on a public host: hooks that fire, a workflow that calls .ci/run, templates."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HOOKS = {
    hook["id"]: hook
    for repository in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    for hook in repository["hooks"]
}


def fires(hook: str, path: str) -> bool:
    return re.search(HOOKS[hook]["files"], path) is not None


def test_the_schema_hook_fires_on_what_the_schemas_are_made_of():
    """Every file of the settings, and every generated file, in case that somebody edits one by hand."""
    made_of = [*(ROOT / "workflow/sent/config").glob("*.py"), ROOT / "workflow/sent/schema_command.py"]
    made = [*(ROOT / "config").glob("*.schema.json"), ROOT / "config/README.md"]
    assert len(made_of) > 10 and len(made) == 6
    for path in [*made_of, *made]:
        assert fires("schema", path.relative_to(ROOT).as_posix()), path
    for other in ("config/nano.yaml", "workflow/sent/tables.py", "tests/workflow/test_hooks.py"):
        assert not fires("schema", other)


def test_the_snakefmt_hook_fires_on_every_rule_file():
    for path in [ROOT / "Snakefile", ROOT / "workflow/Snakefile", *(ROOT / "rules").glob("*.smk")]:
        assert fires("snakefmt", path.relative_to(ROOT).as_posix())


def test_hooks_run_what_lint_runs():
    lint = (ROOT / "Makefile").read_text("utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    for hook in ("ruff check", "ruff format", "snakefmt"):
        assert hook in lint and any(hook in entry["entry"] for entry in HOOKS.values())


def test_the_public_host_runs_what_is_run_here():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    steps = workflow["jobs"]["run"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    assert set(workflow[True]) == {"push", "pull_request"}, "YAML reads `on` as true"


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.md")), ids=lambda path: path.stem
)
def test_issue_templates_have_a_head_that_hosts_read(path):
    _, head, body = path.read_text("utf-8").split("---\n", 2)
    assert yaml.safe_load(head).keys() == {"name", "about"} and body.strip()

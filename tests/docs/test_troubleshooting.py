"""docs/troubleshooting.md explains every error message of the package and the workflow, and none that is gone."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "workflow" / "sent").rglob("*.py"))
RULE_FILES = [ROOT / "rules" / name for name in ("common.smk", "resources.smk", "stages.smk")]
"""The rule files without rules, which hold nothing but Python."""

LETTERS = 8
"""A message with fewer letters of its own only passes on what another place, or a library, said."""


def template(node: ast.expr) -> str:
    """The text of a string expression, with … for what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(template, node.values))
    return "…"


def errors(path: Path) -> dict[str, str]:
    """The messages of the errors that a file raises for users, each with its place."""
    kinds = {"SentError", "WorkflowError"} | ({"ValueError"} if path.parent.name == "config" else set())
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    raised = [call for call in calls if getattr(call.func, "id", None) in kinds]
    return {template(call.args[0]): f"{path.relative_to(ROOT)}:{call.lineno}" for call in raised}


def entries() -> list[str]:
    """The first column of the page's tables, without the first table: those are Snakemake's messages."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    ours = page[page.index("## The workflow") :]
    return re.findall(r"^\| `([^`]+)` \|", ours, re.MULTILINE)


def letters(text: str) -> int:
    return len(re.findall(r"[a-z]", text))


def fits(entry: str, message: str) -> bool:
    return re.search(".*".join(map(re.escape, entry.split("…"))), message, re.DOTALL) is not None


def test_no_rule_raises_errors_itself():
    others = [path for path in (ROOT / "rules").glob("*.smk") if path not in RULE_FILES]
    assert [path.name for path in others if "raise " in path.read_text()] == []


def test_every_message_has_an_entry():
    known = [entry for entry in entries() if letters(entry) >= LETTERS]
    missing = [
        f"{place}: {message}"
        for path in [*MODULES, *RULE_FILES]
        for message, place in errors(path).items()
        if letters(message) >= LETTERS and not any(fits(entry, message) for entry in known)
    ]
    assert not missing, "no row in docs/troubleshooting.md for:\n" + "\n".join(missing)


def test_every_entry_is_a_message():
    trees = [ast.parse(path.read_text()) for path in [*MODULES, *RULE_FILES]]
    texts = {template(node) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.expr)}
    assert [entry for entry in entries() if not any(fits(entry, text) for text in texts)] == []


def test_entries_are_distinct():
    known = entries()
    assert len(known) == len(set(known)) > 100

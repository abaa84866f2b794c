"""Rules of the house: what stages import, the order of directives, generated files that are up to date."""

import ast
import json
import re
from graphlib import TopologicalSorter
from pathlib import Path

import jsonschema
import pytest
import yaml
from sent.code_version import PACKAGE
from sent.registry import KINDS
from sent.schema_command import generated, settings_classes

ROOT = PACKAGE.parents[1]
STAGES = (
    *("data", "models", "sampling", "grading", "semantic_entropy"),
    *("curriculum", "training", "evaluation", "results"),
)
DIRECTIVES = ("input", "output", "log", "benchmark", "threads", "resources", "params", "message", "shell")


def imported_stages(path: Path) -> set[str]:
    """Stages whose modules a file imports anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {parts[1] for name in names if (parts := name.split("."))[0] == "sent"} & set(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_stages_import_only_earlier_ones(stage):
    later = set(STAGES[STAGES.index(stage) + 1 :])
    for path in (PACKAGE / stage).rglob("*.py"):
        assert not imported_stages(path) & later, path


def imported_modules() -> dict[str, set[str]]:
    """The modules that each module of the package imports anywhere in it."""
    files = {}
    for path in PACKAGE.rglob("*.py"):
        parts = ["sent", *path.relative_to(PACKAGE).with_suffix("").parts]
        files[".".join(parts).removesuffix(".__init__")] = path
    found: dict[str, set[str]] = {}
    for module, path in files.items():
        found[module] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found[module] |= {alias.name for alias in node.names} & set(files)
            elif isinstance(node, ast.ImportFrom):
                inside = {f"{node.module}.{alias.name}" for alias in node.names} & set(files)
                found[module] |= (
                    inside if len(inside) == len(node.names) else inside | ({node.module} & set(files))
                )
    return found


def test_imports_go_in_circles_nowhere():
    order = list(TopologicalSorter(imported_modules()).static_order())  # CycleError names the modules
    assert len(order) > 100 and len(set(order)) == len(order)


def test_settings_import_no_stage_and_no_stage_imports_the_plan():
    for module, imported in imported_modules().items():
        folders = {name.split(".")[1] for name in imported if "." in name}
        if module.startswith("sent.config"):
            assert not folders & {*STAGES, "plan", "experiment"}, module
        elif module.split(".")[1:2] and module.split(".")[1] in STAGES:
            assert "plan" not in folders, module


@pytest.mark.parametrize("path", sorted((ROOT / "rules").glob("*.smk")), ids=lambda path: path.stem)
def test_directives_stand_in_one_order(path):
    for rule in re.split(r"^ *(?:use )?rule ", path.read_text(), flags=re.MULTILINE)[1:]:
        found = [name for name in re.findall(r"^ +(\w+):", rule, re.MULTILINE) if name in DIRECTIVES]
        assert found == sorted(found, key=DIRECTIVES.index), rule.partition(":")[0]
        complete = {"log", "message", "shell"} <= set(found)
        assert complete or found == ["input"] or " with:" in rule.partition("\n")[0], rule.partition(":")[0]


def test_schemas_and_tables_of_keys_are_up_to_date():
    for name, text in generated(ROOT / "config").items():
        assert (ROOT / "config" / name).read_text() == text, f"{name}: run `python -m sent schema`"


def test_every_key_is_described():
    classes = settings_classes()
    assert len(classes) > 20
    bare = [
        f"{c.__name__}.{name}" for c in classes for name, key in c.model_fields.items() if not key.description
    ]
    assert not bare, f"give these a description, with the unit of a number: {bare}"
    for settings in classes:
        for name, key in settings.model_json_schema()["properties"].items():
            assert key["description"], f"{settings.__name__}.{name}"


def test_the_table_of_config_files_is_complete():
    table = (ROOT / "config" / "README.md").read_text().partition("```")[0]
    rows = [line.partition(" | ")[0] for line in table.splitlines() if line.startswith("|")]
    named = {link.rstrip("/") for row in rows for link in re.findall(r"\]\((\S+?)\)", row)}
    files = {path.name for path in (ROOT / "config").iterdir()} - {"README.md"}
    assert {name for name in files if not name.endswith(".schema.json")} == named
    assert "`*.schema.json`" in table


@pytest.mark.parametrize(
    "name",
    [
        "config",
        "smoke",
        "baselines",
        "paper",
        "recorded",
        "sweep",
        "study",
        "study_orders",
        "study_mechanisms",
        "study_hard",
        *KINDS,
    ],
)
def test_config_files_fit_their_schemas(name):
    kind = name if name in KINDS else "experiment"
    schema = json.loads((ROOT / "config" / f"{kind}.schema.json").read_text())
    found = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())
    jsonschema.validate(found, schema)
    assert found


@pytest.mark.parametrize("path", sorted((ROOT / "rules").glob("*.smk")), ids=lambda path: path.stem)
def test_what_shapes_results_is_tracked_beside_all_settings(path):
    """`settings` reach a command without repeating it; `science` of the same stages repeats it."""
    for params in re.findall(r"^( +)params:\n((?:\1 .*\n)+)", path.read_text(), re.MULTILINE):
        passed = set(re.findall(r'=settings\("(\w+)"\)', params[1]))
        tracked = set(re.findall(r'"(\w+)"', "".join(re.findall(r"=science\((.*?)\)", params[1]))))
        assert passed <= tracked, f"{path}: params {passed - tracked} are passed, but not tracked"


def test_settings_decide_nothing():
    """Their code is not hashed (sent.code_version): a validator refuses, and changes no value."""
    for path in sorted((PACKAGE / "config").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and any(
                "validator" in ast.unparse(d) for d in node.decorator_list
            ):
                value = next(given.arg for given in node.args.args if given.arg != "cls")
                for given in (inner for inner in ast.walk(node) if isinstance(inner, ast.Return)):
                    assert ast.unparse(given) == f"return {value}", f"{path}: {node.name}"


def without_encoding(path: Path) -> list[int]:
    """Lines of a module where text is read or written in the encoding of the locale."""
    lines = []
    for call in (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)):
        owner, _, name = ast.unparse(call.func).rpartition(".")
        if owner in ("os", "cache"):
            continue  # descriptors, and the sampler's cache, hold no text
        modes = [given.value for given in call.args if isinstance(given, ast.Constant)]
        opens = name == "open" and not any("b" in str(mode) for mode in modes)
        texts = opens or (owner and name in ("read_text", "write_text"))
        if texts and not any(given.arg == "encoding" for given in call.keywords):
            lines.append(call.lineno)
    return lines


def test_text_is_utf_8_whatever_the_locale():
    found = {path: lines for path in sorted(PACKAGE.rglob("*.py")) if (lines := without_encoding(path))}
    assert not found, 'give these encoding="utf-8"'

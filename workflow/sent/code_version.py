"""A hash of the code that a stage runs, so that an edit repeats just the stages whose code it is.

Snakemake notices a changed shell command, not a changed module behind it. Rules therefore carry this hash
among their params. It covers the module of the stage's command and all of the package's modules that it
imports, at any depth. Comments, docstrings and formatting do not count. Nor do the modules in
``UNTRACKED``: what they hold reaches a stage as values, which are params themselves, or only shapes reports.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

from sent.__main__ import COMMANDS

PACKAGE = Path(__file__).parent
UNTRACKED = frozenset({"sent", "sent.config", "sent.tables", "sent.errors", "sent.log"})
DATA_FILES = ("*.sql", "*.html", "*.csv", "*.yaml", "*.json")
"""Files of a stage's folder that its code reads."""


def code_version(command: str, package: Path = PACKAGE, also: str | None = None) -> str:
    """Return 12 hexadecimal digits for the code behind ``python -m sent COMMAND``.

    ``also`` is a module that the settings name, such as a method's objective or a sampler: these are imported by
    name, so each user follows its own alone, and a new one repeats nothing.
    """
    entry = COMMANDS[command][0]
    modules = modules_of(entry, package)
    if also is not None:
        modules |= modules_of(also, package)
    texts = [f"{name}\n{_essence(path.read_text())}" for name, path in sorted(modules.items())]
    folder = package.joinpath(*entry.split(".")[1:-1])
    files = sorted(path for pattern in DATA_FILES for path in folder.rglob(pattern))
    texts += [f"{path.relative_to(package)}\n{path.read_text()}" for path in files]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def modules_of(entry: str, package: Path = PACKAGE) -> dict[str, Path]:
    """Return the tracked modules that ``entry`` imports at any depth, itself included, by sorted name."""
    found, waiting = {}, [entry]
    while waiting:
        name = waiting.pop()
        path = _path(package, name)
        if name in found or is_untracked(name) or path is None:
            continue
        found[name] = path
        parent = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += _imports(path.read_text(), parent)
    return dict(sorted(found.items()))


def is_untracked(name: str) -> bool:
    """Return whether a module is one of ``UNTRACKED``, or belongs to the package of the settings."""
    return name in UNTRACKED or name.startswith("sent.config.")


def _path(package: Path, name: str) -> Path | None:
    """File of a dotted module name, or None for what is no module of the package."""
    first, *rest = name.split(".")
    if first != "sent":
        return None
    place = package.joinpath(*rest)
    candidates = (place / "__init__.py", place.with_name(place.name + ".py"))
    return next((path for path in candidates if path.is_file()), None)


@cache
def _imports(code: str, parent: str) -> list[str]:
    """Names that may be modules in the imports of a file, also of imports inside functions."""
    names = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = parent.split(".")[: parent.count(".") + 2 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names


@cache
def _essence(code: str) -> str:
    """The code without comments, docstrings and layout."""
    return ast.unparse(_WithoutDocstrings().visit(ast.parse(code)))


class _WithoutDocstrings(ast.NodeTransformer):
    """Drops statements that are only a string: docstrings, and those below attributes."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node

"""A hash of the code that a stage runs, so that an edit repeats just the stages whose code it is.

Snakemake notices a changed shell command, not a changed module behind it. Rules therefore carry this hash
among their params. It covers the module of the stage's command and all of the package's modules that it
imports, at any depth. What runs counts, not what people read: comments, docstrings, layout, and the words of errors, logs,
progress bars and help do not. Nor do the modules in ``UNTRACKED``: what they hold reaches a stage as values, which are
params themselves, or only shapes reports.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from sent.commands import COMMANDS

PACKAGE = Path(__file__).parent
UNTRACKED = frozenset(
    {"sent", "sent.config", "sent.tables", "sent.errors", "sent.failures", "sent.log", "sent.commands"}
    | {"sent.code_version", "sent.lean_imports"}
)
DATA_FILES = ("*.sql", "*.html", "*.csv", "*.yaml", "*.json")
"""Files beside a stage's modules that these read."""
PURE = frozenset(
    {"dict", "len", "list", "map", "max", "min", "nearest", "range", "repr", "round", "set", "sorted"}
    | {"str", "sum", "tuple", "type", "zip"}
)
"""Functions that change nothing: inside a message they do not count."""


def code_version(
    command: str, package: Path = PACKAGE, also: Iterable[str] = (), files: Iterable[Path] = ()
) -> str:
    """Return 12 hexadecimal digits for the code behind ``python -m sent COMMAND``.

    ``also`` are modules that the settings name, such as the parts of a method or a sampler: these are imported by
    name, so each user follows its own alone, and a new one repeats nothing. ``files`` are of code outside the package.
    """
    modules = modules_of(COMMANDS[command][0], package)
    for name in also:
        modules |= modules_of(name, package)
    texts = [
        f"{name}\n{_read(path.read_text(encoding='utf-8')).essence}" for name, path in sorted(modules.items())
    ]
    texts += [_read(path.read_text(encoding="utf-8")).essence for path in files]
    folders = {package / name.split(".")[1] for name in modules if name.count(".") > 1}
    read = sorted(path for folder in folders for kind in DATA_FILES for path in folder.rglob(kind))
    texts += [f"{path.relative_to(package)}\n{path.read_text(encoding='utf-8')}" for path in read]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def modules_of(entry: str, package: Path = PACKAGE) -> dict[str, Path]:
    """Return the tracked modules that ``entry`` imports at any depth, itself included, by sorted name."""
    found, waiting, seen = {}, {entry}, set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        path = None if is_untracked(name) else _path(package, name)
        if path is None:
            continue
        found[name] = path
        parent = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting |= _imported(_read(path.read_text(encoding="utf-8")), parent) - seen
    return dict(sorted(found.items()))


def is_untracked(name: str) -> bool:
    """Return whether a module is one of ``UNTRACKED``, or belongs to the package of the settings."""
    return name in UNTRACKED or name.startswith("sent.config.")


@cache
def _path(package: Path, name: str) -> Path | None:
    """File of a dotted module name, or None for what is no module of the package."""
    first, *rest = name.split(".")
    if first != "sent":
        return None
    place = package.joinpath(*rest)
    candidates = (place / "__init__.py", place.with_name(place.name + ".py"))
    return next((path for path in candidates if path.is_file()), None)


class _Read(NamedTuple):
    """What a file of code says."""

    essence: str
    """The code without comments, layout, docstrings and messages."""
    imports: list[ast.Import | ast.ImportFrom]
    """Its imports, also those inside functions."""


@cache  # parsing takes most of the time, and one file is read for many versions
def _read(code: str) -> _Read:
    what_runs = _WhatRuns()
    return _Read(ast.unparse(what_runs.visit(ast.parse(code))), what_runs.imports)


def _imported(read: _Read, parent: str) -> set[str]:
    """Names that may be modules of the package in the imports of a file."""
    names = []
    for node in read.imports:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        else:
            above = parent.split(".")[: parent.count(".") + 2 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return {name for name in names if name.partition(".")[0] == "sent"}


class _WhatRuns(ast.NodeTransformer):
    """Drops what only people read, and takes down the imports."""

    def __init__(self) -> None:
        self.imports: list[ast.Import | ast.ImportFrom] = []

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> ast.AST:
        """Take down an import."""
        self.imports.append(node)
        return node

    visit_ImportFrom = visit_Import  # noqa: N815 - the names that NodeTransformer looks for

    def visit_Name(self, node: ast.AST) -> ast.AST:
        """Leave what has no parts."""
        return node

    visit_Constant = visit_Load = visit_Store = visit_Name  # noqa: N815

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drop statements that are only a string: docstrings, and those below attributes."""
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Leave of a message only the calls in it, which run; drop help and the labels of progress bars."""
        self.generic_visit(node)
        name = _dotted(node.func)
        if name == "SentError" or name.startswith("logger."):
            node.args, node.keywords = list(_calls_in([*node.args, *node.keywords])), []
        elif name == "progress":
            node.keywords = [given for given in node.keywords if given.arg not in ("desc", "unit")]
        elif name.endswith(".add_argument"):
            node.keywords = [given for given in node.keywords if given.arg not in ("help", "metavar")]
        elif name.endswith(".add_argument_group"):
            node.args, node.keywords = [], []
        return node


def _dotted(node: ast.expr) -> str:
    """The name that is called, from the last part that is no name on."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _calls_in(nodes: Iterable[ast.AST]) -> Iterator[ast.expr]:
    """Outermost parts of expressions that may do something: calls, but for pure functions and a text's own methods."""
    for node in nodes:
        pure = isinstance(node, ast.Call) and (
            (isinstance(node.func, ast.Name) and node.func.id in PURE)
            or (isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Constant))
        )
        if isinstance(node, ast.Call | ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom) and not pure:
            yield node
        else:
            yield from _calls_in(ast.iter_child_nodes(node))

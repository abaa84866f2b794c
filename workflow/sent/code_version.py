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
        f"{name}\n{_essence(path.read_text(encoding='utf-8'))}" for name, path in sorted(modules.items())
    ]
    texts += [_essence(path.read_text(encoding="utf-8")) for path in files]
    folders = {package / name.split(".")[1] for name in modules if name.count(".") > 1}
    read = sorted(path for folder in folders for kind in DATA_FILES for path in folder.rglob(kind))
    texts += [f"{path.relative_to(package)}\n{path.read_text(encoding='utf-8')}" for path in read]
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
        waiting += _imports(path.read_text(encoding="utf-8"), parent)
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
    """The code without comments, layout, docstrings and messages."""
    return ast.unparse(_WhatRuns().visit(ast.parse(code)))


class _WhatRuns(ast.NodeTransformer):
    """Drops what only people read."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drop statements that are only a string: docstrings, and those below attributes."""
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Leave of a message only the calls in it, which run; drop help and the labels of progress bars."""
        self.generic_visit(node)
        name = ast.unparse(node.func)
        if name == "SentError" or name.startswith("logger."):
            node.args, node.keywords = list(_calls_in([*node.args, *node.keywords])), []
        elif name == "progress":
            node.keywords = [given for given in node.keywords if given.arg not in ("desc", "unit")]
        elif name.endswith(".add_argument"):
            node.keywords = [given for given in node.keywords if given.arg not in ("help", "metavar")]
        elif name.endswith(".add_argument_group"):
            node.args, node.keywords = [], []
        return node


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

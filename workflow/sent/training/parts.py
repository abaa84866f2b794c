"""The named parts that methods are made of: files of folders such as ``weightings/``, one function each.

A part is called with what its folder's docstring says, and with constants of its own: keyword-only arguments, whose
annotations are their bounds. No torch here: settings are checked without it.
"""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable

from pydantic import create_model

from sent.config import Part, Settings, parse
from sent.errors import SentError, nearest

CURRENT_POLICY = "current policy"
"""Statistics of the policy that an update starts from: another pass before each later update of a rollout."""

TOKEN_RATIO = "ratios of tokens"
"""That tokens of one response pull differently, which one ratio for the whole response would undo."""

CLUSTERS = "clusters"
"""Which answers of a group the grader takes for one another: comparisons of answers in each rollout."""

FOLDERS = {"advantage": "advantages", "weighting": "weightings", "surrogate": "surrogates"}
"""The folder that each part of a method has its functions in."""


def needs(*what: str) -> Callable:
    """Declare what a part looks at that costs extra; of the rest the loop computes nothing."""

    def mark(function: Callable) -> Callable:
        function.needs = frozenset(what)
        return function

    return mark


def names(kind: str) -> list[str]:
    """Return the names of all parts of a kind: the files of its folder."""
    return sorted(module.name for module in pkgutil.iter_modules(_folder(kind).__path__))


def module_of(kind: str, name: str) -> str:
    """Return the module that holds a part."""
    return f"{__package__}.{FOLDERS[kind]}.{name}"


def function_at(kind: str, name: str) -> str:
    """Return how messages name a part's function: its file, and what it is called."""
    return f"{FOLDERS[kind]}/{name}.py: function '{name}'"


def function_of(kind: str, name: str) -> Callable:
    """Return a part's function. Raises :class:`SentError` for an unknown name."""
    if name not in names(kind):
        raise SentError(f"unknown {kind} '{name}'{nearest(name, names(kind))}")
    function = getattr(importlib.import_module(module_of(kind, name)), name, None)
    if not callable(function):
        raise SentError(f"{FOLDERS[kind]}/{name}.py: expected a function called '{name}', found none")
    return function


def constants_of(kind: str, name: str) -> dict[str, inspect.Parameter]:
    """Return the keyword-only arguments of a part's function, by name."""
    arguments = inspect.signature(function_of(kind, name), eval_str=True).parameters
    return {name: argument for name, argument in arguments.items() if argument.kind is argument.KEYWORD_ONLY}


def bind(kind: str, part: Part, **given) -> Callable:
    """Return a part's function with its constants filled in, and with those that are ``given`` elsewhere.

    Raises :class:`SentError` for an unknown part, and for constants that are missing, unknown, out of bounds or
    not annotated.
    """
    function = function_of(kind, part.name)
    fields = {}
    for argument in constants_of(kind, part.name).values():
        if argument.name in given:
            continue
        if argument.annotation is argument.empty:
            raise SentError(
                f"{FOLDERS[kind]}/{part.name}.py: argument '{argument.name}' has no annotation, which its values are "
                f"checked by; give its type, such as `{argument.name}: Share` or `{argument.name}: float`"
            )
        fields[argument.name] = (
            argument.annotation,
            ... if argument.default is argument.empty else argument.default,
        )
    settings = create_model(part.name, __base__=Settings, **fields)
    checked = parse(settings, part.constants, f"constants of {kind} '{part.name}'")
    return functools.partial(function, **given, **{name: getattr(checked, name) for name in fields})


def needed_by(kind: str, part: Part) -> frozenset[str]:
    """Return what a part declared by :func:`needs`."""
    return getattr(function_of(kind, part.name), "needs", frozenset())


def _folder(kind: str):
    return importlib.import_module(f"{__package__}.{FOLDERS[kind]}")

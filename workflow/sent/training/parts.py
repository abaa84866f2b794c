"""The named parts that methods are made of: files of folders such as ``weightings/``, one function each.

A part is called with what its folder's docstring says, and with constants of its own: keyword-only arguments, whose
annotations are their bounds. A name with a colon, `package.module:function`, is code of the user's own, which runs only
where the user says so (:func:`sent.training.recipe.check`). No torch here: settings are checked without it.
"""

import functools
import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import PydanticUserError, create_model

from sent.config import Part, Settings, parse
from sent.errors import SentError, nearest

CURRENT_POLICY = "current policy"
"""Statistics of the policy that an update starts from: another pass before each later update of a rollout."""

TOKEN_RATIO = "ratios of tokens"
"""That tokens of one response pull differently, which one ratio for the whole response would undo."""

ADVANTAGE = "advantage"
"""An advantage: where it is 0, a surrogate's gain and its gradient are 0 at any ratio. Responses without one and without
other terms are then passed through no model."""

CLUSTERS = "clusters"
"""Which answers of a group the grader takes for one another: comparisons of answers in each rollout."""

FOLDERS = {
    "reward": "rewards",
    "advantage": "advantages",
    "weighting": "weightings",
    "surrogate": "surrogates",
}
"""The folder that each part of a method has its functions in."""

ARGUMENTS = {
    "reward": "verdict, response, question",
    "advantage": "outcomes",
    "weighting": "tokens",
    "surrogate": "ratio, advantage, logp",
}
"""What the functions of each folder take, before their constants."""


def needs(*what: str) -> Callable:
    """Declare what a part looks at that costs extra, or cannot do without; of the rest the loop computes nothing."""

    def mark(function: Callable) -> Callable:
        function.__dict__["needs"] = frozenset(what)
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
    if is_own(name):
        return f"{kind} '{name}'"
    return f"{FOLDERS[kind]}/{name}.py: function '{name}'"


def is_own(name: str) -> bool:
    """Return whether a part is the user's own code, `package.module:function`, not a file of its folder."""
    return ":" in name


def file_of(name: str) -> Path:
    """Return the file of the user's own function, found where Python looks and in the working directory.

    The packages around the module are imported. Raises :class:`SentError` where it is not found.
    """
    module = name.partition(":")[0]
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise SentError(
            f"'{name}': no module '{module}' in the working directory or where Python looks; expected module:function"
        )
    return Path(spec.origin)


def function_of(kind: str, name: str) -> Callable:
    """Return a part's function. Raises :class:`SentError` for an unknown name."""
    if is_own(name):
        return _own_function(name)
    if name not in names(kind):
        raise SentError(f"unknown {kind} '{name}'{nearest(name, names(kind))}")
    try:
        module = importlib.import_module(module_of(kind, name))
    except Exception as error:
        raise SentError(
            f"{FOLDERS[kind]}/{name}.py: cannot be imported: {type(error).__name__}: {error}"
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise SentError(f"{FOLDERS[kind]}/{name}.py: expected a function called '{name}', found none")
    return function


def constants_of(kind: str, name: str) -> dict[str, inspect.Parameter]:
    """Return the keyword-only arguments of a part's function, by name. Raises :class:`SentError` for other arguments."""
    return _constants_of(function_of(kind, name), kind, name)


def bind(kind: str, part: Part, **given: Any) -> Callable:
    """Return a part's function with its constants filled in, and with those that are ``given`` elsewhere.

    Raises :class:`SentError` for an unknown part, and for constants that are missing, unknown, out of bounds or
    not annotated.
    """
    function = function_of(kind, part.name)
    settings = _settings_of(function, kind, part.name, frozenset(given))
    checked = parse(settings, part.constants, f"constants of {kind} '{part.name}'")
    constants = {name: getattr(checked, name) for name in settings.model_fields}
    return functools.partial(function, **given, **constants)


def needed_by(kind: str, part: Part) -> frozenset[str]:
    """Return what a part declared by :func:`needs`."""
    return getattr(function_of(kind, part.name), "needs", frozenset())


# Kept for each function, since every micro-batch binds its surrogate.
@functools.cache
def _constants_of(function: Callable, kind: str, name: str) -> dict[str, inspect.Parameter]:
    signature = inspect.signature(function, eval_str=True)
    arguments = signature.parameters
    constants = {key: value for key, value in arguments.items() if value.kind is value.KEYWORD_ONLY}
    try:
        signature.bind(*ARGUMENTS[kind].split(", "), **constants)
    except TypeError:
        found = ", ".join(key for key in arguments if key not in constants)
        raise SentError(
            f"{function_at(kind, name)} must take ({ARGUMENTS[kind]}), and its constants after a `*`; found ({found})"
        ) from None
    return constants


@functools.cache
def _settings_of(function: Callable, kind: str, name: str, given: frozenset[str]) -> type[Settings]:
    """Return what checks the constants of a part's function."""
    fields: dict[str, Any] = {}
    for argument in constants_of(kind, name).values():
        if argument.name in given:
            continue
        if argument.annotation is argument.empty:
            raise SentError(
                f"{function_at(kind, name)}: argument '{argument.name}' has no annotation, which its values are "
                f"checked by; give its type, such as `{argument.name}: Share` or `{argument.name}: float`"
            )
        fields[argument.name] = (
            argument.annotation,
            ... if argument.default is argument.empty else argument.default,
        )
    try:
        return create_model(name, __base__=Settings, **fields)
    except PydanticUserError as error:
        raise SentError(
            f"{function_at(kind, name)}: a constant's annotation is no type: {error.message}"
        ) from None


def _own_function(name: str) -> Callable:
    module, _, called = name.partition(":")
    file = file_of(name)
    try:
        function = getattr(importlib.import_module(module), called, None)
    except Exception as error:
        raise SentError(f"{file}: cannot be imported: {type(error).__name__}: {error}") from error
    if not callable(function):
        raise SentError(f"{file}: expected a function called '{called}', found none")
    return function


def _folder(kind: str) -> ModuleType:
    return importlib.import_module(f"{__package__}.{FOLDERS[kind]}")

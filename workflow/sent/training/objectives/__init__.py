"""The methods' decisions, one small file each: ``objectives/NAME.py`` holds the function ``NAME``.

A function takes the :class:`~sent.training.selection.Tokens` of one optimizer mini-batch and its constants as
keyword arguments, and returns a :class:`~sent.training.selection.Choice`. The annotations of its arguments
are the bounds of its constants; methods.yaml gives their values. No torch here: settings are checked without
it.
"""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping

from pydantic import create_model

from sent.config import Settings, parse
from sent.errors import SentError, nearest


def names() -> list[str]:
    """Return the names of all objectives: the files of this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def bind(name: str, constants: Mapping) -> Callable:
    """Return the objective's function with its constants filled in: ``Tokens -> Choice``.

    Raises :class:`SentError` for an unknown objective, and for constants that are missing, unknown or out of
    bounds.
    """
    if name not in names():
        raise SentError(f"unknown objective '{name}'{nearest(name, names())}")
    function = getattr(importlib.import_module(f"{__name__}.{name}"), name)
    _, *parameters = inspect.signature(function).parameters.values()
    fields = {p.name: (p.annotation, ... if p.default is p.empty else p.default) for p in parameters}
    settings = create_model(name, __base__=Settings, **fields)
    checked = parse(settings, dict(constants), f"constants of objective '{name}'")
    return functools.partial(function, **{field: getattr(checked, field) for field in fields})

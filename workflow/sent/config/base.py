"""What all settings share."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
)

LARGEST = 2**31 - 1
"""Of numbers in settings: the tables between stages hold whole numbers of 32 bits."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]


def _one_line(text: str) -> str:
    if not text or text != " ".join(text.split()) or not text.isprintable():
        raise ValueError("expected one line of printable signs")
    return text


Label = Annotated[str, Field(max_length=100), AfterValidator(_one_line)]
"""What pages, tables and figures print: one line."""


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    OPERATION: ClassVar[frozenset[str]] = frozenset()
    """Keys that say how a job runs: with any value it makes the same, up to the rounding of floating-point sums."""
    REPORT: ClassVar[frozenset[str]] = frozenset()
    """Keys that only a later job reads: how what was made is graded, summed up and named."""

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_values(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse truth values where numbers or texts are expected: Python would take `true` for 1."""
        assert info.field_name is not None, "it is a field that is validated"
        if not _takes_truth_values(cls.model_fields[info.field_name].annotation) and any(
            isinstance(leaf, bool) for leaf in _leaves(value)
        ):
            raise ValueError("expected a number or a text, not true or false")
        return value

    @field_validator("*")
    @classmethod
    def _numbers_fit(cls, value: Any) -> Any:
        """Refuse numbers that no table holds."""
        if any(isinstance(leaf, int | float) and abs(leaf) > LARGEST for leaf in _leaves(value)):
            raise ValueError(f"expected numbers up to {LARGEST}")
        return value

    def science(self, operation: bool = False, report: bool = False) -> dict[str, Any]:
        """Return the keys that shape what a job makes, as JSON values; on request with those of the other kinds."""
        left_out = (frozenset() if operation else self.OPERATION) | (frozenset() if report else self.REPORT)
        kept = self.model_dump(mode="json", exclude=set(left_out))
        inner = {key: getattr(self, key) for key in kept}
        parts = {k: v.science(operation, report) for k, v in inner.items() if isinstance(v, Settings)}
        return kept | {key: _within(part, kept[key]) for key, part in parts.items()}


def given(settings: Settings) -> dict[str, Any]:
    """Return the keys of settings that were given, at any depth, without those left at their defaults."""
    return settings.model_dump(mode="json", exclude_unset=True)


Changes = PlainSerializer(given)
"""Marks settings that are laid over others: only the keys that are given count, and are written."""


def operational(settings: Settings) -> list[str]:
    """Return which of the given keys say how a job runs, at any depth: `key` or `key.inner`."""
    found = []
    for key in sorted(settings.model_fields_set):
        value = getattr(settings, key)
        if key in settings.OPERATION:
            found.append(key)
        elif isinstance(value, Settings):
            found += [f"{key}.{inner}" for inner in operational(value)]
    return found


def laid_over(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``changes`` laid over it, dict by dict."""
    both = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(both.get(key), dict)
        both[key] = laid_over(both[key], value) if nested else value
    return both


def _within(values: dict[str, Any], written: dict[str, Any]) -> dict[str, Any]:
    """Return the values whose keys are written, at any depth."""
    return {
        key: _within(value, written[key]) if isinstance(value, dict) else value
        for key, value in values.items()
        if key in written
    }


def _takes_truth_values(annotation: Any) -> bool:
    """Whether a type takes truth values, anything, or settings, whose own keys are checked."""
    settings = isinstance(annotation, type) and issubclass(annotation, Settings)
    return settings or annotation in (bool, Any) or any(map(_takes_truth_values, get_args(annotation)))


def _leaves(value: Any) -> Iterator[Any]:
    """The values in lists and mappings, at any depth."""
    if isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _leaves(part)
    else:
        yield value

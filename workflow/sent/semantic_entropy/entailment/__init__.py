"""Entailment backends: they judge whether one answer to a question follows from another."""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple, Protocol


class Label(IntEnum):
    """What a premise says about a hypothesis; numbered as in the code of Farquhar et al. (2024)."""

    CONTRADICTION = 0
    NEUTRAL = 1
    ENTAILMENT = 2


class Pair(NamedTuple):
    """A directed comparison: does ``hypothesis`` follow from ``premise``, both answers to ``question``?"""

    question: str
    premise: str
    hypothesis: str


class Judgement(NamedTuple):
    """A backend's answer: the label and the name of the backend that decided."""

    label: Label
    by: str


Advance = Callable[[int], object]


def silent(done: int) -> None:
    """Progress that nobody watches."""


class Entailment(Protocol):
    """A backend. Use it as a context manager: it may hold processes or a model."""

    symmetric: bool
    """Both directions of a pair always get the same label, so one is enough."""

    @property
    def judged(self) -> int:
        """Directed pairs judged so far."""

    def key(self, pair: Pair) -> Pair:
        """What a judgement depends on: pairs with the same key get the same one."""

    def judge(self, pairs: list[Pair], advance: Advance = silent) -> list[Judgement]:
        """Judge the pairs; the result has their order and does not depend on what else is in the list.

        ``advance`` is told how many more pairs are done.
        """

    def facts(self) -> dict[str, str]:
        """What to write into the metadata of the result, such as the number of truncated pairs."""

    def __enter__(self) -> "Entailment": ...

    def __exit__(self, *error: object) -> None: ...

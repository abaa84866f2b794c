"""Which rules decided a comparison: noted while somebody listens, and free otherwise."""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple


class Step(NamedTuple):
    """One decision on the way: the rule, what it compared (texts or trees), and what it found (None: left open)."""

    rule: str
    gold: object
    answer: object
    same: bool | None

    def shown(self) -> dict:
        """The same with what was compared as text."""
        return self._asdict() | {"gold": _shown(self.gold), "answer": _shown(self.answer)}


_heard: list[Step] | None = None


@contextlib.contextmanager
def listening() -> Iterator[list[Step]]:
    """Collect the steps of the comparisons made inside; not for several threads at once."""
    global _heard
    before, _heard = _heard, []
    try:
        yield _heard
    finally:
        _heard = before


def decided(rule: str, same: bool | None, gold: object = "", answer: object = "") -> bool | None:
    """Note that ``rule`` found ``same``, and return it."""
    if _heard is not None:
        _heard.append(Step(rule, gold, answer, same))
    return same


def _shown(compared: object) -> str:
    return (
        compared
        if isinstance(compared, str)
        else str(getattr(compared, "text", "")) or type(compared).__name__
    )

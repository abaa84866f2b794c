"""Lines of JSON on standard output, a batch at a time, and what Ctrl-C says of them."""

import contextlib
import json
import signal
import sys
from collections.abc import Iterable, Iterator


class Lines:
    """Prints rows as lines of JSON to what is standard output when it is made. As a context manager, it says on Ctrl-C
    how much is printed: a batch is printed as a whole or not at all.
    """

    def __init__(self, unit: str):
        self.unit, self.done, self._output = unit, 0, sys.stdout

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is KeyboardInterrupt:
            printed = (
                f"the lines of {self.done:,} {self.unit}s are printed" if self.done else "nothing is printed"
            )
            raise KeyboardInterrupt(f"{printed}; the same command starts over") from None

    def print(self, rows: Iterable[dict]) -> None:
        """Print a batch at once; Ctrl-C waits until it is out."""
        lines = [f"{json.dumps(row, default=str)}\n" for row in rows]
        with _ctrl_c_waits():
            self._output.write("".join(lines))
            self._output.flush()
            self.done += len(lines)


@contextlib.contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Handle SIGINT at the end. Blocking it would not do: another thread of a library may take it."""
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came and callable(before):
            before(came[0], None)

"""What a job tells of each step while it runs: its metrics and a few of its rollouts, a line of JSON each.

The files lie beside the checkpoints and go back to the step that a job goes on from. No torch here: others read them.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sent import tables
from sent.log import logger

METRICS, ROLLOUTS = "metrics.jsonl", "rollouts.jsonl"


class StepLog:
    """Appends the rows of steps to the files of ``folder``, on the disk when it returns."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def start(self, step: int, earlier: Path | None = None) -> None:
        """Drop what was written after ``step``, from which the job goes on: 0 for a fresh start.

        ``earlier`` is the folder of the work that it goes on with, if that is another one.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (METRICS, ROLLOUTS):
            path = self.folder / name
            if earlier is not None and earlier != self.folder and (earlier / name).is_file():
                shutil.copyfile(earlier / name, path)
            path.touch()
            lines = list(_lines(path))
            if lost := damaged(path):
                logger.warning(
                    "%s: %s lines cannot be read; what they told of earlier steps is lost", path, lost
                )
            with tables.atomic(path) as temporary:
                temporary.write_bytes(b"".join(line for row, line in lines if row and row["step"] <= step))

    def append(self, metrics: dict, rollouts: list[dict]) -> None:
        """Add a step."""
        # Rollouts first: a step that readers see is there as a whole.
        for name, rows in ((ROLLOUTS, rollouts), (METRICS, [metrics])):
            with (self.folder / name).open("a", encoding="utf-8") as file:
                file.write("".join(f"{json.dumps(row)}\n" for row in rows))
                file.flush()
                os.fsync(file.fileno())

    def rollouts(self) -> list[dict]:
        """Return the rollouts kept so far."""
        return read(self.folder / ROLLOUTS)


def read(path: Path) -> list[dict]:
    """Return the rows of a file, without lines that are not whole: damaged, or that a job writes or was killed over."""
    return [row for row, _ in _lines(path) if row]


def damaged(path: Path) -> int:
    """Return how many lines cannot be read, but for the beginning of one that a job writes or was killed over."""
    return sum(
        row is None and (line.endswith(b"\n") or not line.startswith(b"{")) for row, line in _lines(path)
    )


def newest(checkpoints: Path) -> Path | None:
    """Return the folder of the job that wrote last below ``checkpoints``, a stage's folder of them, if one is there."""
    found = sorted(checkpoints.glob(f"*/{METRICS}"), key=lambda path: path.stat().st_mtime)
    return found[-1].parent if found else None


def _lines(path: Path) -> Iterator[tuple[dict | None, bytes]]:
    """The lines, each with its row, or None where it cannot be read."""
    with path.open("rb") as file:
        for line in file:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            whole = line.endswith(b"\n") and isinstance(row, dict) and type(row.get("step")) is int
            yield row if whole else None, line

"""Collects what each fault did, and prints it as a table at the end."""

import os
import sys
from collections import defaultdict
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


class Record:
    """Notes each trial of a fault: what was lost, or None where nothing was."""

    def __init__(self, properties: list):
        self.properties, self.trials = properties, []

    def __call__(self, fault: str, stage: str, lost: str | None) -> None:
        self.trials.append((fault, stage, lost))
        self.properties.append(("fault", (fault, stage, lost is None)))  # reaches the process that prints

    def check(self) -> None:
        """Fail with all that was lost, and where nothing was tried."""
        assert self.trials
        lost = [f"{fault}, {stage}: {what}" for fault, stage, what in self.trials if what]
        assert not lost, "\n".join(lost)


@pytest.fixture
def record(request) -> Record:
    return Record(request.node.user_properties)


@pytest.fixture(scope="session")
def trials() -> int:
    """How often a fault with a random moment is tried on each stage."""
    return int(os.environ.get("FAULTS_TRIALS", "1"))


def _lab(folder: Path, *targets: str):
    from lab import Lab

    made = Lab(folder, list(targets))
    yield made
    made.server.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """The undisturbed run that every fault is tried on."""
    yield from _lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="session")
def small_lab(tmp_path_factory):
    """One up to the curriculum, without training and what follows."""
    yield from _lab(tmp_path_factory.mktemp("lab"), "curriculum")


def pytest_terminal_summary(terminalreporter) -> None:
    from tabulate import tabulate

    table = defaultdict(list)
    for kind in ("passed", "failed"):
        for report in terminalreporter.stats.get(kind, []):
            for name, value in report.user_properties if report.when == "call" else ():
                if name == "fault":
                    fault, stage, survived = value
                    table[fault, stage].append(survived)
    if table:
        rows = [
            (*key, len(found), sum(found), len(found) - sum(found)) for key, found in sorted(table.items())
        ]
        rows.append(("all", "", *(sum(row[column] for row in rows) for column in (2, 3, 4))))
        terminalreporter.section("faults")
        terminalreporter.write_line(
            tabulate(rows, ["fault", "stage", "tried", "survived", "lost"], tablefmt="github")
        )

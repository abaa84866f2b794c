"""Half a million rows of one's own: memory stays bounded, in any order of rows; of 200,000 a bad one is named."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(3000)]

COMMANDS = {
    "grade": ["grade"],
    "semantic-entropy": ["semantic-entropy", "--entailment", "exact"],
}
LIMIT_MB = 256
"""Resident memory at most, of which a third is Python and what is imported."""

MEASURED = """
import sys
from sent.__main__ import main
status = main(sys.argv[1:])
sys.stdout.flush()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print("seconds", __import__("time").process_time(), "peak", int(peak) // 1024, file=sys.stderr)
sys.exit(status)
"""
"""Runs a command; says its processor seconds and the peak of its resident memory in MB, without its parent's."""


def write(path: Path, count: int, bad: int | None = None) -> None:
    """Write ``count`` rows of 700 characters, eight samples a question: the first of all questions, then the second, ..."""
    questions = count // 8
    with path.open("w") as file:
        for number in range(count):
            sample, q = divmod(number, questions)
            row = {
                "id": f"q{q}",
                "question": f"What is {q} + {q} + {q}? {'Say how. ' * 12}",
                "gold": str(3 * q),
                "response": f"{'We go on step by step. ' * 21}So it is \\boxed{{{3 * q + max(0, sample - 4)}}}.",
            }
            if number + 1 == bad:
                del row["response"]
            file.write(json.dumps(row) + "\n")


def run(argv: list[str], path: Path) -> tuple[subprocess.CompletedProcess, int]:
    """Run a command on a file; return how it ended, and how many lines it printed."""
    with path.with_suffix(".out").open("w+") as output:
        ended = subprocess.run(
            [sys.executable, "-c", MEASURED, *argv, str(path)],
            stdout=output, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        output.seek(0)
        return ended, sum(1 for _ in output)


@pytest.mark.parametrize(("command", "lines"), [("grade", 500_000), ("semantic-entropy", 62_500)])
def test_memory_does_not_grow_with_the_file(record, tmp_path, command, lines):
    path = tmp_path / "rows.jsonl"
    write(path, 500_000)
    ended, printed = run(COMMANDS[command], path)
    said = ended.stderr.splitlines()[-1]
    print(command, said)
    fine = ended.returncode == 0 and printed == lines and int(said.split()[-1]) <= LIMIT_MB
    record("500,000 rows", command, None if fine else f"{printed} lines; {ended.stderr[-500:]}")
    record.check()


@pytest.mark.parametrize("command", COMMANDS)
def test_one_bad_row_in_200_000_is_named(record, tmp_path, command):
    path = tmp_path / "rows.jsonl"
    write(path, 200_000, bad=150_001)
    ended, printed = run(COMMANDS[command], path)
    fine = (ended.returncode, printed) == (1, 0) and f"{path}: row 150001: 'responses': " in ended.stderr
    record("a bad row in 200,000", command, None if fine else f"{printed} lines; {ended.stderr[-500:]}")
    record.check()

"""Half a million rows of one's own, in any order: memory stays bounded, Ctrl-C ends with what was done, and of 200,000
rows a bad one is named.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(3000)]

COMMANDS = {
    "grade": ["grade"],
    "semantic-entropy": ["semantic-entropy", "--entailment", "exact"],
}
LIMIT_MB = 192
"""Resident memory at most, of which 50 are Python and what is imported. Half a million rows as dicts take 400."""

MEASURED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from sent.__main__ import main
status = main(sys.argv[1:])
sys.stdout.flush()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print("seconds", __import__("time").process_time(), "peak", int(peak) // 1024, file=sys.stderr)
sys.exit(status)
"""
"""Runs a command; says its processor seconds and the peak of its resident memory in MB, without its parent's."""


def write(path: Path, count: int, bad: int | None = None, adjacent: bool = False) -> Path:
    """Write ``count`` rows, eight samples a question: the first of all questions, then the second, ..., or one question
    after the other.
    """
    questions = count // 8
    with path.open("w") as file:
        for number in range(count):
            sample, q = (number % 8, number // 8) if adjacent else divmod(number, questions)
            response = f"So \\boxed{{{3 * q + max(0, sample - 4)}}}."
            row = {"id": f"q{q}", "question": f"{q} + {q} + {q}?", "gold": str(3 * q), "response": response}
            if number + 1 == bad:
                del row["response"]
            file.write(json.dumps(row) + "\n")
    return path


def start(argv: list[str], path: Path, output: Path) -> subprocess.Popen:
    """Start a command on a file."""
    with output.open("w") as file:
        return subprocess.Popen(
            [sys.executable, "-c", MEASURED, *argv, str(path)],
            stdout=file, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip


def end(process: subprocess.Popen, output: Path) -> tuple[int, int, str]:
    """Wait for it; return its exit status, how many lines it printed, all whole, and what it said."""
    said = process.communicate()[1]
    with output.open() as file:
        lines = sum(1 for line in file if json.loads(line) and line.endswith("\n"))
    return process.returncode, lines, said


@pytest.mark.parametrize(("command", "lines"), [("grade", 500_000), ("semantic-entropy", 62_500)])
def test_memory_does_not_grow_with_the_file(record, tmp_path, command, lines):
    path, output = write(tmp_path / "rows.jsonl", 500_000), tmp_path / "out"
    status, printed, said = end(start(COMMANDS[command], path, output), output)
    print(command, said.splitlines()[-1])
    fine = (status, printed) == (0, lines) and int(said.split()[-1]) <= LIMIT_MB
    record("500,000 rows", command, None if fine else f"{printed} lines; {said[-500:]}")
    record.check()


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_ends_with_what_was_done(record, tmp_path, command):
    path, output = write(tmp_path / "rows.jsonl", 100_000, adjacent=True), tmp_path / "out"
    process = start(COMMANDS[command], path, output)
    while process.poll() is None and output.stat().st_size == 0:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    status, printed, said = end(process, output)
    told = re.search(r"error: interrupted; the lines of ([\d,]+) \w+ are printed", said)
    fine = status == 130 and told and int(told[1].replace(",", "")) == printed > 0 and "Traceback" not in said
    record("SIGINT amid 100,000 rows", command, None if fine else f"{status}: {printed} lines; {said[-500:]}")
    record.check()


@pytest.mark.parametrize("command", COMMANDS)
def test_one_bad_row_in_200_000_is_named(record, tmp_path, command):
    path, output = write(tmp_path / "rows.jsonl", 200_000, bad=150_001), tmp_path / "out"
    status, printed, said = end(start(COMMANDS[command], path, output), output)
    fine = (status, printed) == (1, 0) and f"{path}: row 150001: 'responses': " in said
    record("a bad row in 200,000", command, None if fine else f"{printed} lines; {said[-500:]}")
    record.check()

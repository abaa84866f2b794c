"""Workers of grading that die or hang."""

import signal

import psutil
import pytest
from sent.grading.algebra.pool import Workers
from sent.grading.answers import Policy

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("send", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hangs"])
def test_a_worker_of_grading(record, send):
    """It costs the comparison that it was at, at the most."""
    fault = f"worker {'killed' if send == signal.SIGKILL else 'hangs'}"
    pairs = [(str(n * (n + 1) // 2), rf"\sum_{{k=1}}^{{{n}}} k") for n in (3, 4, 5)]
    others = set(psutil.Process().children(recursive=True))
    workers = Workers(1, timeout_seconds=5, memory_mb=1024, policy=Policy())
    try:
        assert workers.compare(pairs[:1]) == [True]
        for process in set(psutil.Process().children(recursive=True)) - others:
            process.send_signal(send)
        found = workers.compare(pairs)
    finally:
        workers.close()
    fine = found[1:] == [True, True] and found[0] in (True, "error", "timeout")
    record(fault, "grading", None if fine else f"verdicts {found}")
    record.check()

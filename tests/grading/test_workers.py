"""Worker processes: what hangs or grows is killed, the rest of the batch is graded, nothing in an answer runs."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sent.grading.algebra.pool as workers_module
from sent.config import Grading
from sent.grading.algebra.pool import MathVerifyMissingError, Workers
from sent.grading.answers import Policy
from sent.grading.grader import Gold, Grader

SUM = (r"\sum_{k=1}^{10} k", "55")
HANGS = ("1", r"\prod_{n=1}^{1000000000} n")
"""Neither is decided by arithmetic: math-verify has to be asked."""


@pytest.fixture
def pool():
    workers = Workers(1, timeout_seconds=2, memory_mb=1024, policy=Policy())
    yield workers
    workers.close()


@pytest.mark.slow
def test_a_comparison_that_hangs_costs_only_itself(pool):
    pool.compare([SUM])  # the start of the process is not what is timed
    start = time.monotonic()
    assert pool.compare([SUM, HANGS, SUM, ("54", SUM[0])]) == [True, "timeout", True, False]
    assert time.monotonic() - start < 2 + 60
    assert pool.compare([SUM]) == [True]


def test_several_workers_keep_the_order():
    pool = Workers(2, timeout_seconds=20, memory_mb=1024, policy=Policy())
    pairs = [(str(n * (n + 1) // 2), rf"\sum_{{k=1}}^{{{m}}} k") for n in range(2, 6) for m in range(2, 6)]
    assert pool.compare(pairs) == [n == m for n in range(2, 6) for m in range(2, 6)]
    assert len(pool._idle) == 2
    pool.close()
    assert pool._idle == []


def test_a_worker_that_dies_is_an_error_and_is_replaced(pool):
    assert pool.compare([SUM]) == [True]
    pool._idle[0].process.kill()
    pool._idle[0].process.wait()
    assert pool.compare([SUM, SUM]) == [True, True]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux")
def test_memory_is_limited_and_running_out_of_it_is_an_error(pool):
    assert pool.compare([SUM]) == [True]
    process = pool._idle[0].process
    assert resource.prlimit(process.pid, resource.RLIMIT_AS)[1] == 1024 * 2**20
    resource.prlimit(process.pid, resource.RLIMIT_AS, (2**20, 1024 * 2**20))  # nothing more can be allocated
    hungry = ("1", r"\sum_{k=1}^{3} (" + "+".join(f"a_{{{i}}}" for i in range(150)) + ")^2")
    assert pool.compare([hungry, SUM]) == ["error", True]


def test_closing_and_a_dead_parent_end_the_workers(tmp_path):
    code = (
        "import os\nfrom sent.grading.answers.compare import Policy\nfrom sent.grading.algebra.pool import Workers\n"
        f"w = Workers(1, 5, 1024, Policy()); print(w.compare([{SUM!r}]), w._idle[0].process.pid, flush=True)\n"
        "os._exit(0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    verdicts, pid = result.stdout.rsplit(maxsplit=1)
    assert verdicts == "[True]"
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            break
        time.sleep(0.1)
    else:
        pytest.fail(f"worker {pid} still runs")


HOSTILE = (
    "[open('{canary}','w')]",
    "__import__('os').system('touch {canary}')",
    "__import__('os').system('touch {canary}')+0*\\pi",
    "os.system(touch {canary})",
    "exec(open({canary},w))",
    "\\text{{__import__('os').system('touch {canary}')}}",
    "\\write18{{touch {canary}}}",
    "\\input{{{canary}}}",
    "\\sum_{{k=1}}^{{2}} open('{canary}', 'w')",
)


def test_no_code_in_an_answer_is_run(tmp_path):
    canary = tmp_path / "canary"
    answers = [text.format(canary=canary) for text in HOSTILE]
    with Grader(Grading()) as grader:
        for gold in ("0", "x"):
            grades = grader.grade([(gold, rf"\boxed{{{answer}}}", "stop") for answer in answers])
            assert {grade.verdict for grade in grades} <= {"wrong", "error"}
        assert grader._ask_workers([(Gold("0"), answer) for answer in answers]) == ["wrong"] * len(answers)
    assert not canary.exists()


def test_a_worker_refuses_to_write_files_and_start_processes(tmp_path):
    code = (
        "import os, subprocess, sys\nfrom sent.grading.algebra.worker import seal\nseal()\n"
        "def tried(action):\n    try:\n        action()\n    except PermissionError:\n        return 'refused'\n"
        "    return 'done'\n"
        f"path = {str(tmp_path / 'canary')!r}\n"
        "print(tried(lambda: open(path, 'w')), tried(lambda: os.system('true')),"
        " tried(lambda: subprocess.run(['true'])), tried(lambda: open(os.devnull)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["refused", "refused", "refused", "done"]
    assert not (tmp_path / "canary").exists()


@pytest.mark.slow
def test_answers_that_try_to_exhaust_the_machine_end_within_the_limit():
    hostile = [
        "9^{9^{9^9}}",
        r"\binom{10^{9}}{5\cdot 10^{8}}",
        "3+" * 500_000,
        "{" * 10_000 + "3" + "}" * 10_000,
        "(" * 10_000 + "3",
        r"\frac{1}{" * 1000 + "1" + "}" * 1000,
        "((10^9)!)!",
        "1" * 4000,
        ",".join("1" * 1900),
    ]
    items = [("3", rf"\boxed{{{answer}}}", "stop") for answer in hostile] + [("3", r"\boxed{6/2}", "stop")]
    with Grader(Grading(timeout_seconds=2)) as grader:
        start = time.monotonic()
        verdicts = [grade.verdict for grade in grader.grade(items)]
        assert time.monotonic() - start < len(items) * 2 + 30
    assert verdicts[-1] == "correct"
    assert set(verdicts[:-1]) <= {"wrong", "timeout"}


def test_without_math_verify_the_rest_is_graded_and_the_reason_is_told(monkeypatch, tmp_path, caplog):
    (tmp_path / "latex2sympy2_extended.py").write_text("raise ImportError('no such thing here')")
    monkeypatch.setattr(workers_module.os, "environ", {**os.environ, "PYTHONPATH": str(tmp_path)})
    pool = Workers(1, 5, 1024, Policy())
    with pytest.raises(MathVerifyMissingError, match="pip install math-verify"):
        pool.compare([SUM])
    with Grader(Grading()) as grader, caplog.at_level("WARNING", logger="sent"):
        verdicts = [g.verdict for g in grader.grade_answers([("5", "5"), SUM, ("1", r"\int_0^1 2x\,dx")])]
    assert verdicts == ["correct", "error", "error"]
    assert sum("math-verify cannot be imported" in message for message in caplog.messages) == 1


def test_a_worker_imports_neither_torch_nor_the_settings():
    settings = {"memory_mb": 1024, "timeout_seconds": 5, "policy": {"rounding": {}}}
    code = (
        "import atexit, sys\nsys.argv[1:] = [" + repr(json.dumps(settings)) + "]\n"
        "atexit.register(lambda: sys.stderr.write(repr([m for m in ('torch', 'pydantic', 'numpy') if m in sys.modules])))\n"
        "from sent.grading.algebra.worker import main\nmain()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(SUM) + "\n", capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ['"ready"', "true"]
    assert result.stderr == "[]"


class Scripted:
    """Stands in for a worker process: answers at once, `timeout` for pairs that hold a product of a billion."""

    asked = None

    def __init__(self, settings):
        self.replies, self._write = os.pipe()
        self.deadline, self.pair = time.monotonic() + 60, None

    def ask(self, pair, limit):
        self.asked.append(pair)
        self.pair = pair
        os.write(self._write, b"x")
        return True

    def answer(self):
        os.read(self.replies, 1)
        return "timeout" if any("prod" in text for text in self.pair) else True

    def kill(self):
        os.close(self.replies)
        os.close(self._write)


def test_a_text_that_ran_out_of_time_is_not_tried_again_and_a_gold_has_a_budget(monkeypatch):
    monkeypatch.setattr(workers_module, "_Worker", Scripted)
    hostile = [rf"\prod_{{n=1}}^{{10^9}} (n+{i})" for i in range(8)]
    pairs = [("3", text) for text in hostile] + [("3", "\\int_0^3 dx"), ("4", "\\int_0^4 dx")]
    found = {}
    for count in (1, 3):
        Scripted.asked = []
        pool = Workers(count, timeout_seconds=2, memory_mb=1024, policy=Policy())
        found[count] = pool.compare(pairs)
        assert len(Scripted.asked) == workers_module.BUDGET + 1
        assert pool.compare([("5", hostile[0]), ("4", "\\int_0^4 dx")]) == ["timeout", True]
        assert len(Scripted.asked) == workers_module.BUDGET + 2
        pool.close()
    assert found[1] == found[3] == ["timeout"] * 9 + [True]


def test_prose_is_not_for_math_verify(monkeypatch):
    with Grader(Grading()) as grader:
        monkeypatch.setattr(grader, "_ask_workers", lambda pairs: pytest.fail(f"asked about {pairs}"))
        prose = "She sells the 9 eggs = 9*2, so she makes = 18 dollars every day"
        assert grader.grade_answers([("18", prose), (prose, "18")])[0].verdict == "wrong"

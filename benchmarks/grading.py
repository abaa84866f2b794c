"""Grading speed: ours beside plain math-verify, on the same answers in the same run.

    python benchmarks/grading.py [SAMPLES.jsonl] [--repeat 10] [--workers 2]

SAMPLES.jsonl holds real solutions (`gt`: gold, `code`: responses, `score`: recorded verdicts). Without it, answers of
the same kinds are generated. math-verify gets the extracted answers, so that both do the same work; it is timed on
one copy of the answers, as it remembers nothing.
"""

import argparse
import json
import time
from pathlib import Path

from sent.config import Grading
from sent.grading.extract import extract_answer
from sent.grading.grader import Grader

GENERATED = 800


def main() -> None:
    """Print one line a way to grade."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", nargs="?", help="JSONL file of real solutions")
    parser.add_argument(
        "--repeat", type=int, default=10, help="times that the answers are graded with a warm cache"
    )
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    items, recorded = _real(args.samples) if args.samples else _generated()
    distinct = len({(gold, extract_answer(text)) for gold, text, _ in items})
    print(f"{len(items)} responses, {distinct} distinct pairs of gold and answer")
    with Grader(Grading(workers=args.workers)) as grader:
        seconds, grades = _timed(lambda: grader.grade(items))
        verdicts = [grade.verdict == "correct" for grade in grades]
        _report("ours, cold (starts of workers included)", len(items), seconds, verdicts, recorded)
        grader._cache.clear()
        seconds, _ = _timed(lambda: grader.grade(items))
        _report("ours, workers running, empty cache", len(items), seconds, verdicts, recorded)
        seconds, _ = _timed(lambda: [grader.grade(items) for _ in range(args.repeat)])
        _report(
            f"ours, warm cache, {args.repeat} times", args.repeat * len(items), seconds, verdicts, recorded
        )
        paper = [grade.paper_match for grade in grades]
        print(f"{'string match as in the paper':44}{'':>20}{_agreement(paper, recorded)}")
    seconds, verdicts = _timed(lambda: _math_verify(items))
    _report("math-verify, one process", len(items), seconds, verdicts, recorded)


def _real(path: str) -> tuple[list, list]:
    rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    items = [(row["gt"], solution, "stop") for row in rows for solution in row["code"]]
    return items, [score for row in rows for score in row["score"]]


def _generated() -> tuple[list, list]:
    golds = [
        "12",
        r"\frac{14}{3}",
        r"3\sqrt{13}",
        "(3,4]",
        r"6 - 5i",
        "1,-2",
        r"90^\circ",
        r"2k+2",
        r"\text{east}",
    ]
    answers = ["12", "4.6667", r"\sqrt{117}", "(3,4)", "-5i+6", "-2 , 1", "90", "2(k+1)", "west"]
    right = [True, False, True, False, True, True, True, True, False]
    picks = [i % len(golds) for i in range(GENERATED)]
    return [(golds[i], rf"So it is \boxed{{{answers[i]}}}.", "stop") for i in picks], [
        right[i] for i in picks
    ]


def _math_verify(items: list) -> list[bool]:
    from math_verify import parse, verify

    return [
        bool(verify(parse(f"${gold}$"), parse(f"${extract_answer(text) or ''}$"))) for gold, text, _ in items
    ]


def _timed(action) -> tuple[tuple[float, float], object]:
    """Seconds by the clock and of this process's processor, and the result."""
    clock, processor = time.perf_counter(), time.process_time()
    result = action()
    return (time.perf_counter() - clock, time.process_time() - processor), result


def _report(
    name: str, count: int, seconds: tuple[float, float], verdicts: list[bool], recorded: list[bool]
) -> None:
    clock, processor = (count / passed for passed in seconds)
    print(
        f"{name:44}{clock:12,.0f} a second, {processor:,.0f} a processor second"
        f"{_agreement(verdicts, recorded)}"
    )


def _agreement(verdicts: list[bool], recorded: list[bool]) -> str:
    equal = sum(ours == theirs for ours, theirs in zip(verdicts, recorded, strict=True))
    return f"   {equal} of {len(recorded)} verdicts equal the recorded ones"


if __name__ == "__main__":
    main()

"""A pool of worker processes that can be killed: a comparison that hangs or eats memory costs only itself."""

import dataclasses
import json
import os
import selectors
import signal
import time
from collections import Counter, deque

from sent.errors import SentError
from sent.grading import child
from sent.grading.algebra.worker import READY, WALL_FACTOR
from sent.grading.answers import Policy
from sent.grading.answers.formula import has_foreign_macro
from sent.log import logger

START_SECONDS = 120  # to import sympy, on a machine that is busy
TIMERS = (signal.SIGPROF, signal.SIGALRM)
BUDGET = 2  # comparisons with one gold that may run out of time in one batch; then the others are not tried
MAX_SLOW = 10_000
GRACE_SECONDS = 1  # in which a worker ends by its own timers, before it is killed


class MathVerifyMissingError(SentError):
    """math-verify cannot be imported by the worker."""


class Workers:
    """Up to ``count`` processes, started when there is work for them and restarted after a kill."""

    def __init__(self, count: int, timeout_seconds: float, memory_mb: int, policy: Policy):
        self.count, self.timeout_seconds = count, timeout_seconds
        self.settings = {
            "memory_mb": memory_mb,
            "timeout_seconds": timeout_seconds,
            "policy": dataclasses.asdict(policy),
        }
        self._idle: list[_Worker] = []
        self._slow: set[str] = set()

    def compare(self, pairs: list[tuple]) -> list[bool | str]:
        """Compare ``(gold, answer)`` or ``(gold, answer, tolerance)``: True, False, ``timeout`` or ``error``, in their order.

        Pairs with one gold are compared one after the other. When ``BUDGET`` of them ran out of time the others are
        not tried, nor is a text that ran out of time in an earlier call: both count as ``timeout``. So the verdicts do
        not depend on the number of processes.
        """
        results: list[bool | str] = ["timeout"] * len(pairs)
        queues: dict[str, deque[int]] = {}
        for task, (gold, answer, *_) in enumerate(pairs):
            if self._slow.isdisjoint((gold, answer)):
                queues.setdefault(gold, deque()).append(task)
        waiting = deque(queues)
        spent: Counter = Counter()
        busy: dict[_Worker, int] = {}
        with selectors.DefaultSelector() as selector:
            try:
                while waiting or busy:
                    while waiting and len(busy) < self.count:
                        worker = self._idle.pop() if self._idle else _Worker(self.settings)
                        task = queues[waiting[0]][0]
                        if not worker.ask(pairs[task], self.timeout_seconds):
                            continue
                        queues[waiting.popleft()].popleft()
                        busy[worker] = task
                        selector.register(worker.replies, selectors.EVENT_READ, worker)
                    soonest = min(worker.deadline for worker in busy)
                    ready = {key.data for key, _ in selector.select(max(0.0, soonest - time.monotonic()))}
                    for worker in [w for w in busy if w in ready or w.deadline <= time.monotonic()]:
                        reply = worker.answer() if worker in ready else "timeout"
                        if reply is None:  # not whole yet, or ready to work
                            continue
                        task = busy.pop(worker)
                        results[task], gold = reply, pairs[task][0]
                        selector.unregister(worker.replies)
                        if reply == "timeout":
                            spent[gold] += 1
                        if queues[gold] and spent[gold] < BUDGET:
                            waiting.append(gold)
                        if isinstance(reply, bool):
                            self._idle.append(worker)
                        else:
                            worker.kill()
            finally:
                for worker in busy:
                    worker.kill()
        for pair, result in zip(pairs, results, strict=True):
            if result == "timeout":
                self._remember(pair[:2])
        return results

    def _remember(self, texts: tuple[str, str]) -> None:
        """Ask no more about a text that took too long: of two, that which math-verify was needed for."""
        if len(self._slow) > MAX_SLOW:
            self._slow.clear()
        self._slow.update([text for text in texts if has_foreign_macro(text)] or texts[1:])

    def close(self) -> None:
        """Stop all processes."""
        while self._idle:
            self._idle.pop().kill()


class _Worker:
    """One process, with at most one task at a time."""

    def __init__(self, settings: dict):
        self.process = child.start("sent.grading.algebra.worker", json.dumps(settings))
        self.requests, self.replies = child.pipes(self.process)
        self.started = False
        self.deadline = 0.0
        self._limit = 0.0
        self._received = b""

    def ask(self, pair: tuple, limit: float) -> bool:
        """Hand over a task; False if the process has ended meanwhile."""
        self._limit = WALL_FACTOR * limit + GRACE_SECONDS
        self.deadline = time.monotonic() + (self._limit if self.started else START_SECONDS)
        try:
            self.requests.write(json.dumps(pair).encode() + b"\n")
        except BrokenPipeError:
            self.kill()
            return False
        return True

    def answer(self) -> bool | str | None:
        """Read what the process has written: a verdict, ``error``, or None where there is none yet."""
        chunk = os.read(self.replies.fileno(), 65536)
        if not chunk:
            return "timeout" if -self.process.wait() in TIMERS else "error"
        self._received += chunk
        while b"\n" in self._received:
            line, _, self._received = self._received.partition(b"\n")
            reply = json.loads(line)
            if reply == READY and not self.started:
                self.started = True
                self.deadline = time.monotonic() + self._limit
            elif not self.started:
                raise MathVerifyMissingError(
                    f"math-verify cannot be imported ({reply}); pip install math-verify==0.9.0"
                )
            else:
                if not isinstance(reply, bool):
                    logger.debug("a comparison ended with %s", reply)
                return reply if isinstance(reply, bool) else "error"
        return None

    def kill(self) -> None:
        child.stop(self.process)

"""Verifiers of the package reasoning-gym, in a worker process that can be killed: they read what a model wrote."""

import contextlib
import functools
import json
import os
import selectors
import subprocess
import sys

from sent.errors import SentError
from sent.grading import child
from sent.grading.algebra.worker import limit_memory, seal

READY = "ready"
START_SECONDS = 120

FAMILIES = frozenset(
    {
        *(
            "base_conversion",
            "caesar_cipher",
            "chain_sum",
            "count_bits",
            "dice",
            "family_relationships",
            "gcd",
        ),
        *("knights_knaves", "lcm", "leg_counting", "letter_counting", "simple_equations", "spell_backward"),
    }
)
"""Those whose verifiers look at answer and gold alone and evaluate neither. Others need what made the question, or hand the
answer to `eval` or SymPy's parser (countdown, puzzle24, n_queens, spiral_matrix, polynomial_multiplication, ...).
"""


class Verifier:
    """Asks one process, which starts with the first question and again after a kill. Not for several threads."""

    def __init__(self, timeout_seconds: float = 5.0, memory_mb: int = 4096):
        self.timeout_seconds, self.memory_mb = timeout_seconds, memory_mb
        self._process: subprocess.Popen | None = None

    def score(self, family: str, answer: str, gold: str) -> float:
        """Return the family's score of an answer, 0 to 1; 0 where its verifier fails, hangs or eats the memory.

        Raises :class:`SentError` for a family that is not one of :data:`FAMILIES`, and where the package is missing.
        """
        if family not in FAMILIES:
            raise SentError(
                f"reasoning_gym: the verifier of '{family}' evaluates answers, or needs more than the gold answer; "
                f"take the reward `correct`, or one of {', '.join(sorted(FAMILIES))}"
            )
        process = self._process or self._start()
        try:
            child.pipes(process)[0].write(json.dumps([family, answer, gold]).encode() + b"\n")
            reply = self._read(process, self.timeout_seconds)
        except BrokenPipeError:
            reply = None
        if not isinstance(reply, float):
            self.close()
        return reply if isinstance(reply, float) else 0.0

    def close(self) -> None:
        """Stop the process."""
        if self._process is not None:
            child.stop(self._process)
            self._process = None

    def _start(self) -> subprocess.Popen:
        self._process = process = child.start("sent.grading.verifier", str(self.memory_mb))
        if (said := self._read(process, START_SECONDS)) != READY:
            self.close()
            raise SentError(f"reasoning_gym cannot be imported ({said}); pip install 'sent-rlvr[reasoning]'")
        return process

    def _read(self, process: subprocess.Popen, seconds: float) -> object:
        """Return what the process says within some seconds, or None."""
        _, replies = child.pipes(process)
        with selectors.DefaultSelector() as selector:
            selector.register(replies, selectors.EVENT_READ)
            if not selector.select(seconds):
                return None
        line = replies.readline()
        return json.loads(line) if line.endswith(b"\n") else None


def main() -> None:
    """Answer lines ``[family, answer, gold]`` by the score, until standard input ends."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # nothing that a library prints may mix with the replies
    limit_memory(int(sys.argv[1]))
    try:
        import reasoning_gym
    except ImportError as error:
        print(json.dumps(str(error)), file=replies)
        return
    verifier_of = functools.cache(reasoning_gym.get_score_answer_fn)
    seal()
    print(json.dumps(READY), file=replies)
    for line in sys.stdin:
        family, answer, gold = json.loads(line)
        score = 0.0
        with contextlib.suppress(Exception):  # what a verifier cannot read is worth nothing
            score = float(verifier_of(family)(answer, {"answer": gold, "metadata": {}}))
        print(json.dumps(score), file=replies)


if __name__ == "__main__":
    main()

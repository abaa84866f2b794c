"""Texts as no one means them, drawn by seed: answers by a grammar of LaTeX, bent; unicode; half characters; a megabyte.

``RANDOM_INPUTS=20000 pytest tests/*/test_random_inputs.py`` draws so many texts for each door; by default they are few.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

COUNT = int(os.environ.get("RANDOM_INPUTS", "300"))
LONGEST = 2**20
LIMIT = 1.0
"""Seconds of processor time that one text may take, whatever it holds."""


def parts(text: str, between: str = " ") -> list[str]:
    """The parts of a text."""
    return text.split(between)


NUMBERS = parts("0 1 7 12 -3 1,234 0.5 .25 1/2 2^{10} 1e5 33.3 50 1:2 ٣ 三 ½ ²")
NAMES = parts(r"x y n k \pi \theta \alpha a_1 x' \infty i e")
UNITS = [r"\text{ cm}", r"\%", "%", r"^\circ", r"\text{ m/s}^2", " dollars", "km", r"\$"]
WORDS = parts(r"yes|\text{no}|\text{(A)}|Monday|even|none|twelve|x and y|(C) 12|三分之一", "|")
MARKS = [
    *"\u202e\u200f\u2066\u200b\ufeff\0\ud800\udfff",
    "\x1b[2J",
    *"\r\u2028\u0301İ😀ﷺאß−×√∞≤∪°\u00a0１“\t\n ",
]
SIGNS = [*r"{}()[]$\^_&|=<>+-*/!%~#@'`,;:.?", '"', *parts(r"\\ \left \right \{ \} \( \] \begin{ \end{")]
MACROS = parts(
    r"\frac \sqrt \boxed \boxed{ \text \mathrm{ \sum_{ \int_0^1 \lim_{x\to0} \cdot \begin{pmatrix} \end{pmatrix}"
    r" \cup \in \pm \ldots \log_ \overline{ \binom \quad"
)
SPOKEN = parts(
    "the answer is ;The answer is:;#### ;**Answer** ;答案是;<think>;</think>;<|im_end|>;because ;```\n", ";"
)
PARTS = [*NUMBERS, *NAMES, *UNITS, *WORDS, *MARKS, *SIGNS, *MACROS, *SPOKEN]


def formula(rng: random.Random, depth: int = 3) -> str:
    """A formula as a model writes one."""
    if depth == 0 or rng.random() < 0.2:
        return rng.choice([*NUMBERS, *NAMES])

    def inner() -> str:
        return formula(rng, depth - 1)

    kind = rng.randrange(12)
    if kind < 4:
        return inner() + rng.choice(["+", "-", "*", "/", "^", "=", "<", " ", r"\cdot ", r"\le "]) + inner()
    if kind < 6:
        return rf"\{rng.choice(['frac', 'dfrac', 'binom', 'tfrac'])}{{{inner()}}}{{{inner()}}}"
    if kind < 8:
        return rf"\{rng.choice(['sqrt', 'sin', 'log', 'text', 'overline', 'mathbf', 'ln'])}{{{inner()}}}"
    if kind < 10:
        opening, closing = rng.choice(["()", "[]", "(]", "{}", "||", (r"\left(", r"\right)"), (r"\{", r"\}")])
        return opening + ",".join(inner() for _ in range(rng.randint(1, 4))) + closing
    if kind == 10:
        rows = [" & ".join(inner() for _ in range(2)) for _ in range(rng.randint(1, 3))]
        return r"\begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}"
    return rng.choice([r"\sum_{k=1}^{n} ", r"\int_0^1 ", r"\lim_{x \to 0} ", r"x \in ", r"\pm "]) + inner()


def bent(rng: random.Random, text: str) -> str:
    """A text with something taken out, put in, doubled or reversed."""
    for _ in range(rng.randint(1, 3)):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.randint(0, 6))
        part = rng.choice(["", rng.choice(PARTS), text[start:end] * 2, text[start:end][::-1]])
        text = text[:start] + part + text[end:]
    return text


def answer(rng: random.Random) -> str:
    """An answer: a formula or words, perhaps with a unit, perhaps bent; else signs one after the other."""
    if rng.random() < 0.2:
        return "".join(rng.choices(PARTS, k=rng.choice((1, 3, 10, 40))))
    text = (rng.choice(WORDS) if rng.random() < 0.1 else formula(rng)) + (
        rng.choice(UNITS) if rng.random() < 0.2 else ""
    )
    return bent(rng, text) if rng.random() < 0.5 else text


def long(rng: random.Random) -> str:
    """One to three parts again and again, up to a megabyte, perhaps with an answer before or behind."""
    part = "".join(rng.choices(PARTS, k=rng.randint(1, 3)))
    size = rng.choice((5_000, 100_000, LONGEST))
    text = part * (size // len(part))
    return rng.choice(["", rng.choice(SPOKEN), r"\boxed{"]) + text + rng.choice(["", "}", answer(rng)])


def response(rng: random.Random) -> str:
    """A whole response around an answer, or one that is long."""
    if rng.random() < 0.03:
        return long(rng)
    text = answer(rng)
    return rng.choice(
        [
            rf"So \boxed{{{text}}}.",
            f"The answer is {text}.",
            f"<think>{text}</think> #### {text}",
            f"**Answer**\n{text}\n",
            text,
        ]
    )


def drawn(draw: Callable[[random.Random], object], seed: str, count: int = COUNT) -> Iterator:
    """Draw so many, each from a generator of its own, so that each can be drawn alone."""
    for number in range(count):
        yield draw(random.Random(f"{seed} {number}"))


class Clock:
    """Holds each text to its limit of processor time, and keeps what the slowest one took."""

    def __init__(self):
        self.tried, self.slowest, self.total = 0, 0.0, 0.0

    @contextmanager
    def limit(self, what, texts: int = 1):
        """Fail where what is done within takes longer than so many texts may, or raises."""
        start = time.process_time()
        try:
            yield
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error} from {shown(what)}") from error
        took = time.process_time() - start
        self.tried, self.slowest, self.total = self.tried + 1, max(self.slowest, took), self.total + took
        assert took < texts * LIMIT, f"{took:.2f} s for {shown(what)}"

    def report(self, door: str) -> None:
        """Print the figures (`pytest -s`)."""
        print(f"\n| {door} | {self.tried:,} | {self.slowest * 1000:.0f} | {self.total:.0f} |")


def shown(text) -> str:
    """A text as messages show it."""
    said = ascii(text)
    return said if len(said) < 500 else f"{said[:300]} ... {said[-100:]} ({len(said):,} signs)"

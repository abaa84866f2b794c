"""The embedded questions: six families of small arithmetic problems with worked solutions.

Everything that the embedded experiment reads is generated here: training and benchmark questions, which never
share a question, and the solutions that its base models are pretrained on.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from sent.config import Generator
from sent.errors import SentError, nearest
from sent.seeding import generator_of, seed_of

NAMES = ("Ann", "Ben", "Eva", "Tom")
THINGS = ("apples", "coins", "books", "cards")
GAINS = ("buys", "finds", "gets")
LOSSES = ("sells", "loses", "gives away")
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv}
BENCHMARK_SHARE = 5
"""One question in so many belongs to the benchmark split, by a hash of its text."""


@dataclass(frozen=True)
class Problem:
    """A question with the calculations that solve it, such as ``("12 + 5 = 17", "17 - 3 = 14")``."""

    question: str
    steps: tuple[str, ...]
    answer: int


T = TypeVar("T")


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """Draw one of ``options``: what ``rng.choice`` draws, without the array that it makes of them, which takes longest here."""
    return options[int(rng.integers(len(options)))]


def _step(left: int, sign: str, right: int) -> tuple[str, int]:
    value = OPERATORS[sign](left, right)
    return f"{left} {sign} {right} = {value}", value


def _fold(first: int, operations: list[tuple[str, int]]) -> tuple[tuple[str, ...], int]:
    """Apply operations from left to right; return the steps as text and the value."""
    steps, value = [], first
    for sign, number in operations:
        text, value = _step(value, sign, number)
        steps.append(text)
    return tuple(steps), value


def _signed(rng: np.random.Generator, first: int, count: int) -> list[tuple[str, int]]:
    """Draw ``count`` additions and subtractions of single digits that lead from ``first`` to values below 40."""
    operations, value = [], first
    for _ in range(count):
        sign = "-" if value > 30 or (value > 3 and rng.random() < 0.5) else "+"
        number = int(rng.integers(2, min(10, value) if sign == "-" else 10))
        operations.append((sign, number))
        value = OPERATORS[sign](value, number)
    return operations


def _chain(rng: np.random.Generator, level: int) -> Problem:
    first = int(rng.integers(3, 25))
    operations = _signed(rng, first, level)
    steps, answer = _fold(first, operations)
    return Problem(f"Compute {first} {' '.join(f'{o} {n}' for o, n in operations)}.", steps, answer)


def _product(rng: np.random.Generator, level: int) -> Problem:
    a, b = (int(n) for n in rng.integers(2, 10, size=2))
    operations = [("*", b), *_signed(rng, a * b, level - 1)]
    steps, answer = _fold(a, operations)
    return Problem(f"Compute {a} {' '.join(f'{o} {n}' for o, n in operations)}.", steps, answer)


def _equation(rng: np.random.Generator, level: int) -> Problem:
    x, a, b = int(rng.integers(2, 10)), int(rng.integers(2, 6)), int(rng.integers(2, 10))
    if level == 1:
        steps, answer = _fold(x + b, [("-", b)])
        return Problem(f"Solve x + {b} = {x + b}.", steps, answer)
    if level == 2:
        steps, answer = _fold(a * x + b, [("-", b), ("/", a)])
        return Problem(f"Solve {a} * x + {b} = {a * x + b}.", steps, answer)
    x, b, c = int(rng.integers(2, 8)), int(rng.integers(1, 6)), int(rng.integers(2, 10))
    steps, answer = _fold(a * (x + b) + c, [("-", c), ("/", a), ("-", b)])
    return Problem(f"Solve {a} * (x + {b}) + {c} = {a * (x + b) + c}.", steps, answer)


def _story(rng: np.random.Generator, level: int) -> Problem:
    first = int(rng.integers(3, 25))
    operations = _signed(rng, first, level)
    steps, answer = _fold(first, operations)
    events = [f"{pick(rng, GAINS if o == '+' else LOSSES)} {n}" for o, n in operations]
    name, thing = pick(rng, NAMES), pick(rng, THINGS)
    return Problem(f"{name} has {first} {thing}, {', '.join(events)}. How many {thing} now?", steps, answer)


def _remainder(rng: np.random.Generator, level: int) -> Problem:
    divisor = int(rng.integers(3, 10))
    number = int(rng.integers(divisor + 1, 30))
    steps: tuple[str, ...] = ()
    question = str(number)
    if level > 1:
        operations = _signed(rng, number, level - 1)
        question = f"{number} {' '.join(f'{o} {n}' for o, n in operations)}"
        steps, number = _fold(number, operations)
    product, multiple = _step(number // divisor, "*", divisor)
    difference, answer = _step(number, "-", multiple)
    return Problem(
        f"Find the remainder of {question} divided by {divisor}.", (*steps, product, difference), answer
    )


def _sequence(rng: np.random.Generator, level: int) -> Problem:
    first, difference = int(rng.integers(1, 16)), int(rng.integers(2, 8))
    shown = [first + i * difference for i in range(3)]
    steps, answer = _fold(shown[-1], [("+", difference)] * level)
    which = {1: "next", 2: "second next", 3: "third next"}[level]
    return Problem(f"Find the {which} term of {', '.join(map(str, shown))}.", steps, answer)


FAMILIES: dict[str, Callable[[np.random.Generator, int], Problem]] = {
    "chain": _chain,
    "product": _product,
    "equation": _equation,
    "story": _story,
    "remainder": _remainder,
    "sequence": _sequence,
}
LEVELS = (1, 2, 3)
"""What the embedded models are pretrained on."""

HIGHEST = dict.fromkeys(FAMILIES, 6) | {"equation": 3, "sequence": 3}
"""Levels above 3 are longer than anything in pretraining: a model seldom solves them, but does in many tries."""


def split_of(question: str) -> str:
    """Return ``train`` or ``benchmark``: a function of the question's text alone, so the two never overlap."""
    return "benchmark" if seed_of("split", question) % BENCHMARK_SHARE == 0 else "train"


def draw(
    rng: np.random.Generator, families: list[str], levels: list[int], split: str
) -> tuple[str, int, Problem]:
    """Draw family, level and a problem of ``split``. Raises :class:`SentError` for an unknown family or level."""
    for family in families:
        if family not in FAMILIES:
            raise SentError(f"unknown problem family '{family}'{nearest(family, FAMILIES)}")
        for level in levels:
            if not 1 <= level <= HIGHEST[family]:
                raise SentError(
                    f"unknown difficulty level {level}; family '{family}' has 1 to {HIGHEST[family]}"
                )
    family, level = pick(rng, families), pick(rng, levels)
    while True:
        problem = FAMILIES[family](rng, level)
        if split_of(problem.question) == split:
            return family, level, problem


def generate(settings: Generator) -> list[dict]:
    """Return ``settings.count`` distinct questions as rows of :data:`sent.tables.QUESTIONS`.

    ``settings`` is a :class:`sent.config.Generator`. Raises :class:`SentError` if the families hold fewer
    questions than asked for.
    """
    rng = generator_of("questions", settings.seed, settings.split, *settings.families)
    rows: dict[str, dict] = {}
    for _ in range(100 * settings.count):
        family, level, problem = draw(rng, settings.families, settings.levels, settings.split)
        rows.setdefault(
            problem.question,
            {"question": problem.question, "answer": str(problem.answer), "group": f"{family}/{level}"},
        )
        if len(rows) == settings.count:
            return [
                {"question_id": f"{settings.split}-{i:05d}", **row} for i, row in enumerate(rows.values())
            ]
    raise SentError(
        f"generator of {settings.families} at levels {settings.levels}: found only {len(rows)} distinct questions of "
        f"the {settings.count} asked for; ask for fewer, or add families or levels"
    )


def surface(rng: np.random.Generator, value: int) -> str:
    """Write a number in one of the forms that make exact match fail: ``117``, ``117.0`` or ``$117$``."""
    return pick(rng, (f"{value}", f"{value}", f"{value}.0", f"${value}$"))


def worked_solution(rng: np.random.Generator, problem: Problem) -> str:
    """Write the steps and the boxed answer in one of two wordings."""
    answer = f"\\boxed{{{surface(rng, problem.answer)}}}"
    if rng.random() < 0.5:
        return f"{', '.join(problem.steps)}. Answer: {answer}"
    return f"First {', then '.join(problem.steps)}. So {answer}"


def quick_guess(rng: np.random.Generator, problem: Problem, accuracy: float) -> str:
    """Write a boxed answer without a step; it is right with probability ``accuracy``, else off by a little."""
    value = problem.answer
    if rng.random() >= accuracy:
        value = max(0, value + pick(rng, (-10, -2, -1, 1, 2, 10)))
        value += value == problem.answer
    answer = f"\\boxed{{{surface(rng, value)}}}"
    return f"I think {answer}" if rng.random() < 0.5 else f"Maybe {answer}"


def drill(rng: np.random.Generator, families: list[str], levels: list[int], count: int = 8) -> str:
    """Write a list of calculations without a question: they teach the arithmetic that solutions are made of."""
    steps: list[str] = []
    while len(steps) < count:
        steps.extend(draw(rng, families, levels, "train")[2].steps)
    return f"{', '.join(steps[:count])}."


def solution(rng: np.random.Generator, problem: Problem, worked: float, guess_accuracy: float) -> str:
    """Write a solution of mixed style: worked with probability ``worked``, else a quick guess."""
    if rng.random() < worked:
        return worked_solution(rng, problem)
    return quick_guess(rng, problem, guess_accuracy)

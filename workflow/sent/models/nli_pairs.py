"""Premise and hypothesis pairs for the embedded entailment model, about answers to the embedded questions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sent.data import arithmetic

LABELS = ("contradiction", "entailment", "neutral")
"""In the order of the model's outputs."""

NUMBERS = range(-999, 2000)
"""Whole numbers that the model reads as single tokens."""

FORMS = ("{}", "{}.0", "${}$", "{}.00", "${}.0$", "{} .", "$ {} $", "\\({}\\)", "\\boxed{{{}}}")
"""One value in different dress."""

NEIGHBOURS = (-100, -10, -2, -1, 1, 2, 10, 100)
"""Steps between answers that are easily taken for each other."""

UNRELATED = (
    "I do not know.",
    "The sum is {}.",
    "The number {} is even.",
    "There are {} books on the table.",
    "{} has {} {}.",
)
"""Sentences that say nothing about a question."""


_NAMED = re.compile(r"\d+")


@dataclass(frozen=True)
class Pair:
    """Two texts and what the second is to the first: the number of a label in :data:`LABELS`."""

    premise: str
    hypothesis: str
    label: int


def statement(question: str, answer: str) -> str:
    """Say that ``answer`` answers ``question``, as the stage `semantic_entropy` does by default."""
    return f"{question} The answer is {answer}.".strip()


def problems(rng: np.random.Generator, count: int) -> list[arithmetic.Problem]:
    """Draw ``count`` distinct training problems of all families and levels."""
    drawn: dict[str, arithmetic.Problem] = {}
    while len(drawn) < count:
        _, _, problem = arithmetic.draw(rng, list(arithmetic.FAMILIES), list(arithmetic.LEVELS), "train")
        drawn.setdefault(problem.question, problem)
    return list(drawn.values())


def pairs(
    rng: np.random.Generator, asked: Sequence[arithmetic.Problem], count: int, brief: bool = False
) -> list[Pair]:
    """Draw pairs, a third of each label.

    Entailment: the same question and value, each in a form of its own. Contradiction: the same question,
    another value, often a near one. Neutral: an answer to another question, or a sentence about something
    else. ``brief`` leaves the questions out; a neutral hypothesis is then always about something else.
    """
    return [_pair(rng, asked, brief) for _ in range(count)]


def _pair(rng: np.random.Generator, asked: Sequence[arithmetic.Problem], brief: bool) -> Pair:
    label = int(rng.integers(len(LABELS)))
    problem = asked[int(rng.integers(len(asked)))]
    question = "" if brief else problem.question
    value = _value(rng, problem)
    premise = statement(question, _dressed(rng, value))
    if LABELS[label] == "entailment":
        return Pair(premise, statement(question, _dressed(rng, value)), label)
    if LABELS[label] == "contradiction":
        return Pair(premise, statement(question, _other(rng, value, problem.question)), label)
    other = asked[int(rng.integers(len(asked)))].question
    if brief or other == question or rng.random() < 0.3:
        return Pair(premise, _unrelated(rng), label)
    answer = _dressed(rng, value) if rng.random() < 0.5 else _other(rng, value, other)
    return Pair(premise, statement(other, answer), label)


def _value(rng: np.random.Generator, problem: arithmetic.Problem) -> int:
    """Draw an answer: the right one, a number that the question names, or any.

    Without the second kind a model could learn that a number found anywhere in the other text is the answer.
    """
    kind = rng.random()
    if kind < 0.3:
        return problem.answer
    return _named(rng, problem.question) if kind < 0.45 else _number(rng)


def _named(rng: np.random.Generator, question: str) -> int:
    return int(arithmetic.pick(rng, _NAMED.findall(question)))


def _number(rng: np.random.Generator) -> int:
    """Half of the numbers are of the size of most answers, half are any that is a token."""
    return int(rng.integers(0, 150) if rng.random() < 0.5 else rng.integers(NUMBERS.start, NUMBERS.stop))


def _dressed(rng: np.random.Generator, value: int) -> str:
    """Write a value plainly half of the time, else in any form."""
    form = FORMS[0] if rng.random() < 0.5 else FORMS[rng.integers(len(FORMS))]
    return form.format(value)


def _other(rng: np.random.Generator, value: int, question: str) -> str:
    """Write another value: with a decimal, a neighbour, the negative, a number of the question, or any."""
    kind = rng.random()
    if kind < 0.08:
        return f"{value}.{rng.integers(1, 10)}"
    other = value
    if kind < 0.5:
        other = value + arithmetic.pick(rng, NEIGHBOURS)
    elif kind < 0.55:
        other = -value
    elif kind < 0.75:
        other = _named(rng, question)
    while other == value or other not in NUMBERS:
        other = _number(rng)
    return _dressed(rng, other)


def _unrelated(rng: np.random.Generator) -> str:
    sentence = UNRELATED[rng.integers(len(UNRELATED))]
    if sentence.count("{}") == 3:
        names, things = arithmetic.NAMES, arithmetic.THINGS
        return sentence.format(arithmetic.pick(rng, names), _number(rng), arithmetic.pick(rng, things))
    return sentence.format(_number(rng))

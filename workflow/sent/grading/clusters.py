"""Answers that the grader would take for one another, and the entropy over them: what policies are compared by.

The curriculum's clusters, with their choice of judges, are those of the stage `semantic_entropy`.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from sent.grading.answers import normal_form
from sent.grading.grader import Grader


def clusters(questions: Sequence[Sequence[str | None]], grader: Grader) -> list[list[int]]:
    """Return for each question the cluster of each answer: from 0 by first appearance, -1 where there is no answer.

    Greedy: an answer joins the first cluster whose first answer is right with it as the gold answer, and it with that one.
    One round compares the next open answer of every question with the others of that question.
    """
    forms = [[normal_form(answer) if answer else "" for answer in answers] for answers in questions]
    written = [
        {form: answer for form, answer in zip(f[::-1], answers[::-1], strict=True) if answer}
        for f, answers in zip(forms, questions, strict=True)
    ]
    open_ = [list(dict.fromkeys(filter(None, answers))) for answers in forms]
    found: list[dict[str, int]] = [{"": -1} for _ in questions]
    count = 0
    while any(open_):
        firsts = {place: waiting.pop(0) for place, waiting in enumerate(open_) if waiting}
        asked = [(place, first, other) for place, first in firsts.items() for other in open_[place]]
        for forward in (True, False):
            pairs = [
                (texts[first], texts[other]) if forward else (texts[other], texts[first])
                for texts, first, other in ((written[place], first, other) for place, first, other in asked)
            ]
            grades = grader.grade_answers(pairs)
            asked = [pair for pair, grade in zip(asked, grades, strict=True) if grade.verdict == "correct"]
        found = [
            labels | {firsts[place]: count} if place in firsts else labels
            for place, labels in enumerate(found)
        ]
        for place, _, other in asked:
            found[place][other] = count
            open_[place].remove(other)
        count += 1
    return [
        _numbered([labels[form] for form in answers]) for labels, answers in zip(found, forms, strict=True)
    ]


def entropy(labels: Iterable[int]) -> float:
    """Return the discrete semantic entropy of one question's clusters in nats; answers that are none (-1) do not count."""
    counts = Counter(label for label in labels if label >= 0)
    return -math.fsum(c / counts.total() * math.log(c / counts.total()) for c in counts.values()) + 0.0


def _numbered(labels: list[int]) -> list[int]:
    numbers = {-1: -1}
    return [numbers.setdefault(label, len(numbers) - 1) for label in labels]

"""Whether two answers are the same: one door, :func:`same_answer`; beside it what counts as the same text.

Inside, in the order in which an answer passes: ``latex.py`` brings it to canonical text (with ``markup.py``,
``numerals.py``, ``notation.py``, ``units.py``), ``structure.py`` takes it apart (with ``brackets.py``, ``words.py``,
``names.py``), ``compare.py`` decides (with ``relations.py`` and ``intervals.py``), ``formula.py`` reads the formulas at
the leaves and ``values.py`` compares them (with ``arithmetic.py`` and ``precise.py``). ``identity.py`` looks at texts alone.
"""

from sent.grading.answers.compare import Policy, same_answer
from sent.grading.answers.identity import in_words, normal_form
from sent.grading.answers.reasons import Step, listening
from sent.grading.answers.values import Rounding

__all__ = ["Policy", "Rounding", "Step", "in_words", "listening", "normal_form", "same_answer"]

"""Stage `grading`: is the final answer of a response the gold answer?

Read in this order: ``grader.py`` (what callers use), ``extract.py`` (response to answer), ``latex.py`` (answer to
canonical text, with ``markup.py`` and ``numerals.py``), ``structure.py`` (text to lists, sets, equations, formulas),
``compare.py`` (the decision, with ``relations.py`` and ``intervals.py``), ``values.py`` (equality of formulas),
``workers.py`` and ``verify.py`` (math-verify in killable processes, for what is left).
"""

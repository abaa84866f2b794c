"""Stage `grading`: is the final answer of a response the gold answer?

Read in this order: ``grader.py`` (what callers use), ``extract.py`` (response to answer), ``latex.py`` (answer to
canonical text), ``compare.py`` (the decision), ``expression.py`` (values of formulas), ``verify.py`` and
``workers.py`` (math-verify in killable processes, for what is left).
"""

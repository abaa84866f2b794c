"""Stage `grading`: is the final answer of a response the gold answer?

Read in this order: ``grader.py`` (what callers use), ``extract.py`` (response to answer), ``answers/`` (two answers to a
decision), ``algebra/`` (math-verify in killable processes, for what is left). ``string_match.py`` is the paper's own way
to grade; ``command.py`` and ``grade_command.py`` are the two commands.
"""

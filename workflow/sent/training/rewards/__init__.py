"""What a single response is worth, one small file an idea: ``rewards/NAME.py`` holds the function ``NAME``.

A function takes the grader's verdict (``sent.tables.VERDICTS``), the response's text and the
:class:`~sent.training.rollout.TrainingQuestion` (its ``id``, ``text`` and gold ``answer``), and its constants as keyword
arguments, and returns a number.
"""

"""What each response to a question earned, one small file an idea: ``advantages/NAME.py`` holds the function ``NAME``.

A function takes the :class:`~sent.training.outcomes.Outcomes` of the G responses to one question and its constants as
keyword arguments, and returns their advantages, a NumPy array ``[G]``. A group whose advantages are all 0 teaches
nothing: dynamic sampling replaces it.
"""

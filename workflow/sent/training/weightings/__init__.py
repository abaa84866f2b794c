"""How methods weigh tokens, one small file each: ``weightings/NAME.py`` holds the function ``NAME``.

A function takes the :class:`~sent.training.selection.Tokens` of one optimizer mini-batch and its constants as
keyword arguments, and returns a :class:`~sent.training.selection.Choice`.
"""

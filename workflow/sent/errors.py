"""The one exception that users see without a traceback."""

from collections.abc import Iterable


class SentError(Exception):
    """Something the user can mend. The message names the file, key or row, what was expected and what to do."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint such as ``; did you mean 'grpo'?`` followed by the known names, for error messages."""
    import difflib

    names = sorted(map(str, known))
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"{hint} (known: {', '.join(names) or 'none'})"

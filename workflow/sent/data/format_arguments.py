"""Options that say how the rows of a file are read, for the commands that read anybody's files."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sent.config import RowFormat


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--fields``, ``--preset``, ``--answer-after`` and ``--on-missing``."""
    rows = parser.add_argument_group("the rows of the file, see docs/recorded.md")
    rows.add_argument("--fields", metavar="JSON", help='where fields stand: {"responses": "choices.*.text"}')
    rows.add_argument(
        "--preset", metavar="TOOL", help="what wrote the file: lm_eval, lighteval, openai_batch, ..."
    )
    rows.add_argument(
        "--answer-after", metavar="REGEX", help="the gold answer follows its last match: '####'"
    )
    rows.add_argument("--on-missing", choices=["error", "drop"], help="rows that lack what is needed")


def row_format(args: argparse.Namespace) -> "RowFormat":
    """Return the :class:`sent.config.RowFormat` of the options. Raises :class:`SentError` for wrong ones."""
    from sent.config import RowFormat, parse
    from sent.config.parsing import read_text

    given = {name: getattr(args, name) for name in ("fields", "preset", "answer_after", "on_missing")}
    given = {name: text for name, text in given.items() if text is not None}
    if "fields" in given:
        given["fields"] = read_text(given["fields"], "--fields")
    return parse(RowFormat, given, "options")

"""Command line: ``python -m sent STAGE ...``. Only the named stage's own module is imported."""

import argparse
import importlib
import os
import sys

from sent import __version__
from sent.commands import ALIASES, COMMANDS
from sent.errors import SentError, nearest


def main(argv: list[str] | None = None) -> int:
    """Run one command; return the exit status. A :class:`SentError` becomes one line on standard error."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        print("usage: python -m sent COMMAND ...   (python -m sent COMMAND --help)\n\ncommands:")
        for name, (_, summary) in COMMANDS.items():
            print(f"  {name:18}{summary}")
        return 0
    if argv[0] == "--version":
        print(f"sent {__version__}")
        return 0
    name = ALIASES.get(argv[0], argv[0])
    if name not in COMMANDS:
        print(f"error: unknown command '{argv[0]}'{nearest(argv[0], COMMANDS)}", file=sys.stderr)
        return 2
    module, summary = COMMANDS[name]
    command = importlib.import_module(module)
    parser = argparse.ArgumentParser(prog=f"python -m sent {name}", description=command.__doc__ or summary)
    command.add_arguments(parser)
    arguments = parser.parse_args(argv[1:])

    from sent.log import setup

    setup()
    try:
        command.run(arguments)
        sys.stdout.flush()
    except SentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the output has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

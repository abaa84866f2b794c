"""Command line: ``python -m sent STAGE ...``. Only the named stage's own module is imported."""

import argparse
import importlib
import os
import sys

from sent import __version__, cpu_instructions, lean_imports
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
    from sent.failures import explain
    from sent.log import setup

    _open_streams()
    setup()
    try:
        _run(name, argv[1:])
        sys.stdout.flush()
    except SentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the output has seen enough, as `head` does
        _drop_output()
        return 1
    except KeyboardInterrupt as stop:
        _drop_output()
        kept = str(stop) or "the same command starts again, or goes on where it can"
        print(f"error: interrupted; {kept}", file=sys.stderr)
        return 130
    except Exception as error:
        if (explanation := explain(error)) is None:
            raise
        _drop_output()
        print(f"error: {explanation}", file=sys.stderr)
        return 1
    return 0


def _run(name: str, argv: list[str]) -> None:
    module, summary = COMMANDS[name]
    lean_imports.install()
    cpu_instructions.narrow(cpu_instructions.PYTORCH)
    command = importlib.import_module(module)
    parser = argparse.ArgumentParser(prog=f"python -m sent {name}", description=command.__doc__ or summary)
    command.add_arguments(parser)
    arguments = parser.parse_args(argv)
    _check_output(vars(arguments))
    command.run(arguments)


def _check_output(arguments: dict) -> None:
    """Refuse an --output that is one of the files that the command reads."""
    output = arguments.get("output")
    for name, value in arguments.items():
        same = name != "output" and isinstance(value, str | os.PathLike) and os.path.exists(value)
        if output is not None and same and os.path.realpath(value) == os.path.realpath(output):
            raise SentError(f"--output {output}: that is --{name}, which would be lost; give another path")


def _open_streams() -> None:
    """Read and write UTF-8 whatever the locale, and lead a closed stream to nowhere."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        stream = getattr(sys, name)
        if stream is None:
            # The next file that is opened must not get the number, or whatever is printed goes there.
            while (descriptor := os.open(os.devnull, os.O_RDWR)) < number:
                pass
            if descriptor > number:
                os.close(descriptor)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="strict" if name == "stdin" else "backslashreplace")


def _drop_output() -> None:
    """Lead standard output to nowhere if it takes no more: Python would try again to write what is left at its exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())

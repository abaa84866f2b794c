"""Command line: ``python -m sent STAGE ...``. Only the named stage's own module is imported."""

import argparse
import importlib
import os
import sys

from sent import __version__
from sent.errors import SentError, nearest

COMMANDS = {
    "data": ("sent.data.command", "read or generate questions"),
    "overlap": ("sent.data.overlap_command", "find benchmark questions among the training questions"),
    "models": ("sent.models.command", "fetch a model, or pretrain an embedded one"),
    "nli": ("sent.models.nli_command", "fetch an entailment model, or train the embedded one"),
    "sampling": ("sent.sampling.command", "sample responses to questions"),
    "grading": ("sent.grading.command", "grade sampled responses against the gold answers"),
    "grade": ("sent.grading.grade_command", "grade anybody's outputs: JSONL in, JSONL out"),
    "semantic-entropy": (
        "sent.semantic_entropy.command",
        "cluster responses by meaning; entropy over clusters",
    ),
    "curriculum": ("sent.curriculum.command", "sort questions into stages by semantic entropy"),
    "train": ("sent.training.command", "train a policy by reinforcement learning with verifiable rewards"),
    "evaluation": ("sent.evaluation.command", "sample and grade the benchmarks with a policy"),
    "results": ("sent.results.command", "build the database, tables, figures and report"),
    "sql": ("sent.results.sql_command", "query an experiment's database"),
    "status": ("sent.results.status_command", "what a run has done, does and still has to do"),
    "plan": ("sent.plan.command", "memory, time, GPU-hours and disk of an experiment, before it is run"),
    "launch": ("sent.launch_command", "start a command on GPUs of its own, on one or more machines"),
    "schema": ("sent.schema_command", "write the JSON schema of the config files"),
}
ALIASES = {
    "training": "train",
    "semantic_entropy": "semantic-entropy",
    "sample": "sampling",
    "evaluate": "evaluation",
}


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

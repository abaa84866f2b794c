"""Responses that training kept of its steps, also of a running job: question, reward, advantage, verdict, text."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``sent rollouts``."""
    parser.add_argument(
        "where", type=Path, nargs="?", default=Path("results"),
        help="folder of results, of an experiment, a run or a stage, looked through at any depth (results)",
    )  # fmt: skip
    parser.add_argument("--question", help="those of one question, of all steps")
    parser.add_argument("--step", type=int, help="those of one step (the last one of each stage)")


def run(args: argparse.Namespace) -> None:
    """Print the rollouts of each stage, oldest first."""
    from sent.results import rollouts

    for line in rollouts.text(args.where, args.question, args.step):
        print(line)

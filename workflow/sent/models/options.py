"""The options that ``python -m sent models`` and ``python -m sent nli`` share."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options: which model, its name, where to."""
    parser.add_argument("--model", required=True, help="JSON or file: the registry entry (sent.config.Model)")
    parser.add_argument("--name", required=True, help="registry name, for provenance and messages")
    parser.add_argument("--output", required=True, help="the model folder to make")

"""Make an entailment model's folder: a hub model, a local folder, or the embedded one, trained from scratch.

The folder holds what a sentence-transformers CrossEncoder loads, provenance.json, and accuracy.json if it was
trained here.
"""

import argparse

from sent.models.options import add_arguments

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> None:
    """Make the folder."""
    from pathlib import Path

    from sent.config import Model, parse
    from sent.models.prepare import prepare

    model = parse(Model, args.model, f"--model of '{args.name}'")

    def trained(folder: Path) -> dict:
        from sent.models.nli import train

        return train(model.nli, folder)

    prepare(model, args.name, Path(args.output), {"nli": trained})

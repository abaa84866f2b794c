"""Make a policy's folder: a hub model at its revision, a local folder, or a model pretrained from scratch.

The folder holds safetensors, tokenizer and provenance.json: origin, revision, licence, hashes, parameters.
"""

import argparse

from sent.models.options import add_arguments

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> None:
    """Make the folder."""
    from pathlib import Path

    from sent.config import Model, parse
    from sent.models.loading import check
    from sent.models.prepare import prepare

    model = parse(Model, args.model, f"--model of '{args.name}'")

    def pretrained(folder: Path) -> dict:
        from sent.models.pretrain import pretrain

        return pretrain(model.pretrain, folder)

    prepare(model, args.name, Path(args.output), {"pretrain": pretrained}, check)

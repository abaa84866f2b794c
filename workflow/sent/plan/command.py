"""Memory, time, GPU-hours and disk of an experiment, before it is run."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``sent plan``."""
    parser.add_argument(
        "--configfile", type=Path, default=Path("config/config.yaml"), help="the experiment's file"
    )
    parser.add_argument("--gpu", default="h100-80gb", help="kind of GPU, such as a100-40gb (h100-80gb)")
    parser.add_argument(
        "--gpus",
        type=int,
        metavar="N",
        help="GPUs of the cluster, for the time by the clock (as the largest job)",
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder of experiments (results)"
    )
    parser.add_argument(
        "--length-share", type=float, default=1.0, metavar="SHARE",
        help="mean length of responses as a share of their limit, where none was measured (1.0: no more can come)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables; bytes and seconds")


def run(args: argparse.Namespace) -> None:
    """Print the estimate."""
    from sent.plan.estimate import print_estimate

    print_estimate(args)

"""Train a policy by reinforcement learning with verifiable rewards; run it under `accelerate launch` for many GPUs."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``sent train``."""
    parser.add_argument("--policy", required=True, help="model folder that training starts from")
    parser.add_argument("--reference", required=True, help="folder of the initial model")
    parser.add_argument("--model", required=True, help="model entry: JSON or a file")
    parser.add_argument("--questions", required=True, help="training questions (parquet)")
    parser.add_argument("--curriculum", help="curriculum table (parquet); without it all questions, unsorted")
    parser.add_argument("--stage", type=int, default=1, help="stage to train, from 1")
    parser.add_argument("--stages", type=int, default=1, help="number of stages")
    parser.add_argument("--method", required=True, help="method entry: JSON or a file")
    parser.add_argument("--method-name", default="method", help="its name, for messages and summary")
    parser.add_argument(
        "--allow-own-code",
        action="store_true",
        help="run parts of the method that are `package.module:function`",
    )
    parser.add_argument(
        "--run-name", help="EXPERIMENT/MODEL/METHOD/seedN, as trackers show the run (METHOD/seedN)"
    )
    parser.add_argument("--settings", default="{}", help="training settings: JSON or a file")
    parser.add_argument("--grading", default="{}", help="grading settings: JSON or a file")
    parser.add_argument("--probe", help="questions to ask on the way (parquet); without it none are")
    parser.add_argument("--probe-settings", help="with --probe: sent.config.Probe, JSON or a file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", required=True, help="folder for the trained policy")
    parser.add_argument("--metrics", required=True, help="parquet file for the log of steps")
    parser.add_argument("--rollouts", required=True, help="parquet file for a few rollouts of each step")
    parser.add_argument("--probe-output", required=True, help="parquet file for what the probe was answered")
    parser.add_argument("--summary", required=True, help="JSON file for the summary")
    parser.add_argument("--checkpoints", required=True, help="folder for checkpoints")


def run(args: argparse.Namespace) -> None:
    """Train one stage and write policy, metrics and summary."""
    from sent.training.stage import train_stage

    train_stage(args)

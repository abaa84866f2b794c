"""Cluster responses by meaning and measure semantic entropy.

In the workflow: --questions, --samples and --verdicts (Parquet) in, --clusters and --output out. On your
own: a file of rows (question, responses, optionally id and logprobs), and a line of JSON a question on
standard output. Rows of one id are one question; a row may hold one response or all.
"""

import argparse

from sent.data import format_arguments
from sent.errors import SentError

FILES = ("questions", "samples", "verdicts", "clusters", "output")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the stage's files and settings, and those of the form for one's own samples."""
    parser.add_argument(
        "jsonl",
        nargs="?",
        help="own samples: a file or folder of rows with question, responses[, id, logprobs]; - for standard input",
    )
    stage = parser.add_argument_group("in the workflow")
    stage.add_argument("--questions", metavar="PARQUET")
    stage.add_argument("--samples", metavar="PARQUET")
    stage.add_argument("--verdicts", metavar="PARQUET")
    stage.add_argument("--settings", metavar="JSON", help="settings of the stage, as JSON or a file's path")
    stage.add_argument("--clusters", metavar="PARQUET", help="output: a row a sample")
    stage.add_argument("--output", metavar="PARQUET", help="output: a row a question")
    stage.add_argument(
        "--calibration", metavar="PARQUET", help="output: pairs judged by model and by mathematics"
    )
    stage.add_argument("--page", metavar="HTML", help="output: the clusters of ten questions, to be read")
    parser.add_argument("--nli", metavar="DIR", help="folder of the entailment (or embedding) model")
    own = parser.add_argument_group("own samples (--settings is heeded, too; these override it)")
    own.add_argument("--entailment", metavar="BACKEND", help="what judges: hybrid, math_verify, ...")
    own.add_argument("--criterion", choices=["strict", "non_strict"])
    own.add_argument("--unparsable", choices=["singleton", "pooled", "dropped"])
    own.add_argument("--processes", type=int, metavar="N", help="processes that pairs are split over")
    own.add_argument(
        "--bare-answers", action="store_true", help="the responses are answers already: compare them whole"
    )
    own.add_argument(
        "--estimators", action="store_true", help="write every estimator, not only the discrete one"
    )
    format_arguments.add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Run the form that the arguments ask for."""
    from sent import config

    chosen = {name: getattr(args, name) for name in ("entailment", "criterion", "unparsable", "processes")}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    base = config.parse(config.SemanticEntropy, args.settings or "{}", "--settings")
    settings = config.parse(config.SemanticEntropy, {**base.model_dump(), **chosen}, "semantic-entropy")
    given = [name for name in FILES if getattr(args, name)]
    if args.jsonl and not given:
        from sent.semantic_entropy import standalone

        standalone.run(
            args.jsonl,
            format_arguments.row_format(args),
            settings,
            args.nli,
            args.bare_answers,
            args.estimators,
        )
    elif args.jsonl or len(given) < len(FILES):
        missing = ", ".join(f"--{name}" for name in FILES if name not in given)
        raise SentError(
            f"semantic-entropy: give a JSONL file of your own, or all files of the stage; missing {missing}"
        )
    else:
        from sent.semantic_entropy import stage

        stage.run(args, settings)

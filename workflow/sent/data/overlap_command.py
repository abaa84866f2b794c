"""List the benchmark questions that stand in the training questions, to tell results with and without them."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``python -m sent overlap``."""
    parser.add_argument("--train", required=True, help="training questions, Parquet")
    parser.add_argument(
        "--benchmarks", required=True, nargs="+", metavar="NAME=FILE", help="Parquet files of questions"
    )
    parser.add_argument("--ngram", type=int, default=8, help="tokens in a run (default: 8)")
    parser.add_argument(
        "--share",
        type=float,
        default=0.5,
        help="a question stands in another that holds this share of its runs, and its numbers (default: 0.5)",
    )
    parser.add_argument("--output", required=True, help="a row for each such benchmark question, Parquet")


def run(args: argparse.Namespace) -> None:
    """Write the report; log a line a benchmark."""
    from sent import tables
    from sent.data import overlap
    from sent.errors import SentError
    from sent.log import logger

    if args.ngram < 1 or not 0 < args.share <= 1:
        raise SentError(
            f"--ngram is at least 1 and --share above 0 and up to 1, found {args.ngram} and {args.share}"
        )
    files = dict(item.partition("=")[::2] for item in args.benchmarks)
    benchmarks = {name: tables.rows(path, tables.QUESTIONS) for name, path in files.items()}
    train = tables.rows(args.train, tables.QUESTIONS)
    found = overlap.report(train, benchmarks, args.ngram, args.share)
    for name, rows in benchmarks.items():
        count = found.column("benchmark").to_pylist().count(name)
        logger.info("%s: %s of %s questions stand in the training questions", name, count, len(rows))
    tables.write(args.output, found, overlap.OVERLAP)

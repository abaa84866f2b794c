"""Write the questions of a hub dataset, a local file, the embedded generator or a file of recorded responses.

Rows of the same question are merged; questions whose rows disagree on the answer are dropped and listed. Those that
training is to be probed with are parted from those that it learns from.
"""

import argparse
from collections import Counter
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``python -m sent data``."""
    origin = parser.add_mutually_exclusive_group(required=True)
    origin.add_argument("--source", help="JSON or file: settings of a source (sent.config.Source)")
    origin.add_argument("--recorded", help="JSON or file: recorded responses (sent.config.Recorded)")
    parser.add_argument("--output", required=True, help="questions, Parquet")
    parser.add_argument("--dropped", help="TSV of the questions that were left out, and why")
    parser.add_argument(
        "--exclude",
        nargs="+",
        default=[],
        metavar="BENCHMARK",
        help="Parquet files of questions to leave out",
    )
    parser.add_argument("--probe", help="JSON or file: which questions to hold out (sent.config.Probe)")
    parser.add_argument("--held-out", help="those questions, Parquet; without --probe a table of none")


def run(args: argparse.Namespace) -> None:
    """Write the questions, and the list of those left out."""
    from sent import tables
    from sent.config import Probe, Recorded, Source, parse
    from sent.data import load
    from sent.data.probe import Split, hold_out
    from sent.errors import SentError
    from sent.log import logger

    if args.source:
        source = parse(Source, args.source, "--source")
        if source.path and Path(source.path).resolve() == Path(args.output).resolve():
            raise SentError(
                f"--output {args.output}: that is the source, which would be lost; give another path"
            )
        found, limit = load.load(source), source.limit
    else:
        found, limit = load.load_recorded(parse(Recorded, args.recorded, "--recorded")), None
    logger.info("%s: %s rows, %s repeat another row's question", found.origin, found.n_rows, found.n_merged)
    questions, dropped = found.questions, found.dropped
    if args.exclude:
        questions, excluded = _without(questions, args.exclude)
        dropped = [*dropped, *excluded]
    split = Split(questions[:limit], [], [])
    if args.probe:
        split = hold_out(questions[:limit], parse(Probe, args.probe, "--probe"))
        logger.info("%s questions held out to probe with", len(split.probe))
    questions, dropped = split.train, [*dropped, *split.dropped]
    for reason, count in sorted(Counter(item.reason for item in dropped).items()):
        logger.info("%s dropped: %s", count, reason)
    if args.held_out:
        tables.write(args.held_out, tables.table(tables.QUESTIONS, split.probe), tables.QUESTIONS)
    tables.write(args.output, tables.table(tables.QUESTIONS, questions), tables.QUESTIONS)
    if args.dropped:
        _write_dropped(args.dropped, dropped)
    logger.info("%s questions written to %s", len(questions), args.output)


def _without(questions: list[dict], benchmarks: list[str]) -> tuple[list[dict], list]:
    """Split off the questions that a benchmark question stands in."""
    from sent import tables
    from sent.data.load import Dropped
    from sent.data.overlap import matches
    from sent.errors import SentError

    texts = [row["question"] for row in questions]
    found: dict[int, str] = {}
    for path in benchmarks:
        asked = tables.rows(path, tables.QUESTIONS)
        for match in matches(texts, [row["question"] for row in asked]):
            found.setdefault(match.train, f"{asked[match.benchmark]['question_id']} of {Path(path).stem}")
    kept = [row for place, row in enumerate(questions) if place not in found]
    if not kept:
        raise SentError(
            f"--exclude: all {len(questions)} questions stand in {', '.join(benchmarks)}; none is left"
        )
    excluded = [
        Dropped(questions[place]["question_id"], "stands in a benchmark", where, questions[place]["question"])
        for place, where in sorted(found.items())
    ]
    return kept, excluded


def _write_dropped(path: str, dropped: list) -> None:
    """Write a tab-separated line a question; tabs and line ends inside texts become spaces."""
    from sent import tables

    lines = ["question_id\treason\tdetail\tquestion"]
    for item in dropped:
        fields = (item.question_id, item.reason, item.detail, item.question)
        lines.append("\t".join(" ".join(field.split()) for field in fields))
    with tables.atomic(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")

"""Grade anybody's outputs: a file of rows in, the same rows with `verdict`, `verdict_reason` and `extracted` as JSON Lines out.

A row holds `gold` or `answer` (text, a number, or a list of answers that are all asked for) and either `prediction` (a
bare answer), `response` (a whole solution, whose last box is the answer) or a list of `responses`; `finish_reason` and
`tolerance` (absolute) may stand beside. --fields and --preset read other files; --summary prints the scores instead.
"""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sent.data import format_arguments

if TYPE_CHECKING:
    from sent.data.input_row import InputRow, Reader
    from sent.data.rows import Row
    from sent.grading.grader import Grade, Grader

BATCH = 4096  # rows that are graded together, or fewer of very long ones


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``python -m sent grade``."""
    parser.add_argument("file", help="file or folder of rows, or - for standard input")
    parser.add_argument("--settings", default="{}", help="Grading settings: JSON, or a JSON/YAML file")
    parser.add_argument(
        "--questions", metavar="FILE", help="rows with id, question and answer, to join by id"
    )
    parser.add_argument(
        "--summary", action="store_true", help="print scores with intervals, by model where rows name one"
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="add `steps`, the decisions on the way to `verdict_reason`, the rule that decided",
    )
    format_arguments.add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Print one line of JSON a row, in the order of the rows. All rows are checked before the first is graded.

    Memory holds a batch of rows; with ``--summary`` two counts a question, too.
    """
    from collections import Counter

    from sent import config
    from sent.batching import of_a_stream
    from sent.config import Source
    from sent.data.input_row import Reader
    from sent.data.load import golds
    from sent.data.rows import several_times
    from sent.errors import SentError
    from sent.grading.grader import Grader
    from sent.grading.summary import Summary
    from sent.grading.warnings import warn
    from sent.lines import Lines
    from sent.log import logger, progress

    settings = config.parse(config.Grading, args.settings, "--settings")
    format = format_arguments.row_format(args)
    known = golds(Source(path=args.questions, answer_after=format.answer_after) if args.questions else None)
    counts: Counter[str] = Counter()
    summary, truncated = Summary(), 0
    with Lines("row") as lines, several_times(args.file) as again, Grader(settings) as grader:
        total = sum(
            1 for _ in progress(_checked(Reader(format), again(), known), desc="checking", unit="row")
        )
        if not total:
            raise SentError(f"{args.file}: no rows; expected rows with `gold` and `prediction` or `response`")
        reader = Reader(format)
        with progress(total=total, desc="grading", unit="row") as bar:
            for batch in of_a_stream(_checked(reader, again(), known), BATCH, _characters):
                done = []
                for row, found, grades in _graded(batch, grader):
                    verdicts = [grade.verdict for grade in grades]
                    counts.update(verdicts)
                    truncated += found.finish_reason.count("length")
                    if args.summary:
                        summary.add(row, found, verdicts)
                    else:
                        done.append(_line(row, found, grades, grader if args.explain else None))
                lines.print(done)
                bar.update(len(batch))
        if args.summary:
            print(summary.text(), flush=True)
    reader.log()
    logger.info("graded %d rows: %s", total, ", ".join(f"{n} {v}" for v, n in counts.most_common()) or "none")
    warn(args.file, counts, truncated)


def _line(row: "Row", found: "InputRow", grades: "list[Grade]", grader: "Grader | None") -> dict:
    """A row with what was found; with the steps of ``grader`` where there is one."""
    from sent.grading.grader import Gold

    said: dict[str, list] = {
        "verdict": [grade.verdict for grade in grades],
        "verdict_reason": [grade.reason for grade in grades],
        "extracted": [grade.extracted for grade in grades],
    }
    if grader is not None:
        gold = Gold(found.answer or "", found.tolerance)
        said["steps"] = [[step.shown() for step in grader.steps(gold, grade)] for grade in grades]
    one = found.single or found.responses is None
    return row.values | {name: value[0] if one else value for name, value in said.items()}


def _checked(reader: "Reader", rows: "Iterator[Row]", golds: dict) -> Iterator[tuple]:
    """Yield the rows that can be graded; raise :class:`SentError` for others, or leave them out where told to."""
    from sent.data.load import joined

    for row, found in reader.understand(rows):
        found = joined(found, golds)
        if problem := _problem(found):
            if reader.format.on_missing == "error":
                raise reader.error(row, *problem)
            reader.counts[f"rows left out: no {problem[0]}"] += 1
        else:
            yield row, found


def _problem(found: "InputRow") -> tuple[str, str] | None:
    """What a row lacks: a field and words; None if nothing."""
    if not found.answer:
        return (
            "answer",
            "row has no gold answer (`gold` or `answer`); expected a text, a number or a list of them",
        )
    both = found.responses is not None and found.prediction is not None
    if both or (found.responses is None and "prediction" not in found.model_fields_set):
        state = "both" if both else "neither"
        return (
            "responses",
            f"found {state}; expected one of `prediction` (a bare answer) and `response` (a whole solution)",
        )
    return None


def _characters(row: tuple) -> int:
    _, found = row
    return sum(len(text or "") for text in found.responses or [found.prediction])


def _graded(batch: list[tuple], grader: "Grader") -> Iterator[tuple]:
    """Yield each row with the grades of its responses, or of its one prediction."""
    from sent.grading.grader import Gold

    golds = [Gold(found.answer, found.tolerance) for _, found in batch]
    items, pairs = [], []
    for gold, (_, found) in zip(golds, batch, strict=True):
        if found.responses is None:
            pairs.append((gold, found.prediction))
        else:
            reasons = ["" if reason == "unknown" else reason for reason in found.finish_reason]
            items += [
                (gold, text or "", reason) for text, reason in zip(found.responses, reasons, strict=True)
            ]
    whole, bare = iter(grader.grade(items)), iter(grader.grade_answers(pairs))
    for row, found in batch:
        yield row, found, [next(bare)] if found.responses is None else [next(whole) for _ in found.responses]

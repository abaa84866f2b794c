"""Grade anybody's outputs: JSONL in, the same JSONL with `verdict` and `extracted` on standard output.

A row holds `gold` (text, a number, or a list of answers that are all asked for) and either `prediction` (a bare
answer) or `response` (a whole solution, whose last box is the answer); `finish_reason` and `tolerance` (absolute)
may stand beside.
"""

import argparse

BATCH = 4096  # rows that are graded together


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``python -m sent grade``."""
    parser.add_argument("file", help="JSONL file, or - for standard input")
    parser.add_argument("--settings", default="{}", help="Grading settings: JSON, or a JSON/YAML file")


def run(args: argparse.Namespace) -> None:
    """Print one line of JSON a row, in the order of the rows. All rows are checked before the first is graded."""
    import sys
    from collections import Counter

    from sent import config
    from sent.grading.grader import Grader
    from sent.log import logger

    settings = config.parse(config.Grading, args.settings, "--settings")
    rows = _read(args.file)
    counts = Counter()
    with Grader(settings) as grader:
        for start in range(0, len(rows), BATCH):
            for line, verdict in _graded(rows[start : start + BATCH], grader):
                sys.stdout.write(line + "\n")
                counts[verdict] += 1
    sys.stdout.flush()
    logger.info(
        "graded %d rows: %s", len(rows), ", ".join(f"{n} {v}" for v, n in counts.most_common()) or "none"
    )


def _graded(rows: list[dict], grader) -> list[tuple[str, str]]:
    """Lines of JSON with their verdicts, in the order of the rows."""
    import json

    grades: list = [None] * len(rows)
    responses = [i for i, row in enumerate(rows) if "response" in row]
    items = [
        (_gold(rows[i]), rows[i]["response"] or "", rows[i].get("finish_reason") or "") for i in responses
    ]
    answers = [i for i, row in enumerate(rows) if "prediction" in row]
    pairs = [(_gold(rows[i]), _text(rows[i]["prediction"])) for i in answers]
    for places, found in ((responses, grader.grade(items)), (answers, grader.grade_answers(pairs))):
        for i, grade in zip(places, found, strict=True):
            grades[i] = grade
    return [
        (json.dumps({**row, "verdict": grade.verdict, "extracted": grade.extracted}), grade.verdict)
        for row, grade in zip(rows, grades, strict=True)
    ]


def _read(path: str) -> list[dict]:
    import json
    import sys

    from sent.errors import SentError

    try:
        if path == "-":
            lines = sys.stdin.read().removeprefix("\ufeff").split("\n")
        else:
            with open(path, encoding="utf-8-sig") as file:
                lines = file.read().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SentError(
            f"{path}: cannot be read ({error}); give a JSONL file in UTF-8, or - for standard input"
        ) from None
    rows = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:  # not JSON, too deep, or thousands of digits
                raise SentError(
                    f"{path}: row {number} is not JSON ({error}); expected one object a line"
                ) from None
            if problem := _problem(row):
                raise SentError(f"{path}: row {number}: {problem}")
            rows.append(row)
    if not rows:
        raise SentError(
            f"{path}: no rows; expected one JSON object a line with `gold` and `prediction` or `response`"
        )
    return rows


def _problem(row) -> str | None:
    """What is wrong with a row, or None."""
    if not isinstance(row, dict):
        return f"found {type(row).__name__}, expected an object with `gold` and `prediction` or `response`"
    golds = row.get("gold") if isinstance(row.get("gold"), list) else [row.get("gold")]
    if not golds or not all(_is_value(gold) and str(gold).strip() for gold in golds):
        return f"`gold` is {row.get('gold', 'missing')!r:.100}; expected a text, a number or a list of them"
    if ("prediction" in row) == ("response" in row):
        found = "both" if "response" in row else "neither"
        return (
            f"found {found}; expected one of `prediction` (a bare answer) and `response` (a whole solution)"
        )
    if row.get("prediction") is not None and not _is_value(row["prediction"]):
        return f"`prediction` is {row['prediction']!r:.100}; expected a text, a number or null"
    if not isinstance(row.get("response"), str | None):
        return f"`response` is {row['response']!r:.100}; expected a text or null"
    tolerance = row.get("tolerance")
    if tolerance is not None and (
        isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not tolerance >= 0
    ):
        return f"`tolerance` is {tolerance!r:.100}; expected a number, 0 or more"
    return None


def _is_value(value) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _gold(row: dict):
    from sent.grading.grader import Gold

    gold = row["gold"]
    text = ", ".join(map(_text, gold)) if isinstance(gold, list) else _text(gold)
    return Gold(text, row.get("tolerance"))


def _text(value) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)

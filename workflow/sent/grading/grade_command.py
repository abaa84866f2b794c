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
    from sent.log import logger

    settings = config.parse(config.Grading, args.settings, "--settings")
    rows = _read(args.file)
    counts = Counter()
    graders: dict[float, object] = {}
    try:
        for start in range(0, len(rows), BATCH):
            for line, verdict in _graded(rows[start : start + BATCH], settings, graders):
                sys.stdout.write(line + "\n")
                counts[verdict] += 1
        sys.stdout.flush()
    finally:
        for grader in graders.values():
            grader.close()
    logger.info(
        "graded %d rows: %s", len(rows), ", ".join(f"{n} {v}" for v, n in counts.most_common()) or "none"
    )


def _graded(rows: list[dict], settings, graders: dict) -> list[tuple[str, str]]:
    """Lines of JSON with their verdicts. Rows that share a tolerance share a grader."""
    import json

    from sent.grading.grader import Grader

    lines: list = [None] * len(rows)
    for tolerance in dict.fromkeys(row.get("tolerance") or 0 for row in rows):
        if tolerance not in graders:
            graders[tolerance] = Grader(
                settings.model_copy(update={"absolute_tolerance": tolerance}) if tolerance else settings
            )
        chosen = [i for i, row in enumerate(rows) if (row.get("tolerance") or 0) == tolerance]
        grader = graders[tolerance]
        for kind in ("response", "prediction"):
            places = [i for i in chosen if kind in rows[i]]
            if kind == "response":
                items = [
                    (_gold(rows[i]), rows[i][kind] or "", rows[i].get("finish_reason") or "") for i in places
                ]
                grades = grader.grade(items)
            else:
                grades = grader.grade_answers([(_gold(rows[i]), _text(rows[i][kind])) for i in places])
            for i, grade in zip(places, grades, strict=True):
                row = {**rows[i], "verdict": grade.verdict, "extracted": grade.extracted}
                lines[i] = (json.dumps(row), grade.verdict)
    return lines


def _read(path: str) -> list[dict]:
    import json
    import sys

    from sent.errors import SentError

    try:
        if path == "-":
            lines = sys.stdin.read().split("\n")
        else:
            with open(path, encoding="utf-8") as file:
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
            except (json.JSONDecodeError, RecursionError) as error:
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


def _gold(row: dict) -> str | list[str]:
    gold = row["gold"]
    return [_text(item) for item in gold] if isinstance(gold, list) else _text(gold)


def _text(value) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)

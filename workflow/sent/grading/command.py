"""Grade responses: questions and responses in, one verdict a response out.

Responses to training questions (`--questions`) or to benchmarks (`--benchmarks`), of whatever model.
"""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from sent.grading.grader import Gold, Grade, Grader

BATCH = 4096  # responses that are held as Python strings at a time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``python -m sent grading``."""
    origin = parser.add_mutually_exclusive_group(required=True)
    origin.add_argument("--questions", help="questions with gold answers (Parquet)")
    origin.add_argument(
        "--benchmarks", nargs="+", metavar="NAME=FILE", help="the same of benchmarks, by name"
    )
    parser.add_argument("--samples", required=True, help="responses (Parquet)")
    parser.add_argument("--settings", default="{}", help="Grading settings: JSON, or a JSON/YAML file")
    parser.add_argument("--output", required=True, help="verdicts (Parquet)")


def run(args: argparse.Namespace) -> None:
    """Write ``tables.VERDICTS``, or ``tables.RESPONSE_VERDICTS`` of benchmarks, in the order of the responses."""
    from collections import Counter

    import pyarrow as pa

    from sent import config, tables
    from sent.data.complete import check_complete
    from sent.grading.grader import Grader
    from sent.grading.warnings import warn
    from sent.log import logger, progress

    settings = config.parse(config.Grading, args.settings, "--settings")
    golds = _golds(args)
    kind, made = (
        (tables.RESPONSES, tables.RESPONSE_VERDICTS) if args.benchmarks else (tables.SAMPLES, tables.VERDICTS)
    )
    asked: dict = {}
    for benchmark, question in golds:
        asked.setdefault(benchmark, []).append(question)
    check_complete(args.samples, kind, asked)
    samples = tables.read(args.samples, kind)
    counts: dict[str, Counter[str]] = {}
    agreed, compared, parts = 0, 0, [made.empty_table()]
    finished: dict = {}
    columns = {"benchmark", "question_id", "sample", "text", "finish_reason", "recorded_correct"}
    with Grader(settings) as grader, progress(total=len(samples), desc="grading", unit="answer") as bar:
        for batch in samples.to_batches(max_chunksize=BATCH):
            rows = batch.select([name for name in batch.schema.names if name in columns]).to_pylist()
            grades = grader.grade(
                [(_gold_of(row, golds, args), row["text"] or "", row["finish_reason"]) for row in rows]
            )
            parts.append(tables.table(made, [_verdict(*pair) for pair in zip(rows, grades, strict=True)]))
            for row, grade in zip(rows, grades, strict=True):
                counts.setdefault(row.get("benchmark"), Counter())[grade.verdict] += 1
                finished.setdefault(row.get("benchmark"), Counter())[row["finish_reason"]] += 1
                if row.get("recorded_correct") is not None:
                    compared += 1
                    agreed += row["recorded_correct"] == (grade.verdict == "correct")
            bar.update(len(rows))
        verdicts = pa.concat_tables(parts)
        if args.benchmarks:
            verdicts = _with_clusters(verdicts, grader)
    tables.write(args.output, verdicts, made, metadata={"grading": config.science(settings)})
    for benchmark, found in counts.items():
        logger.info(
            "%sgraded %d answers, %.1f%% right: %s",
            f"{benchmark}: " if benchmark else "",
            found.total(),
            100 * found["correct"] / found.total(),
            ", ".join(f"{n} {v}" for v, n in found.most_common()),
        )
        warn(benchmark or args.samples, found, finished[benchmark]["length"])
    if compared:
        logger.info("%d of %d verdicts equal the recorded ones", agreed, compared)


def _with_clusters(verdicts: "pa.Table", grader: "Grader") -> "pa.Table":
    """Number the answers to each question by meaning."""
    import pyarrow as pa

    from sent.grading.clusters import clusters

    places: dict[tuple, list[int]] = {}
    benchmarks, questions = (verdicts[name].to_pylist() for name in ("benchmark", "question_id"))
    for place, key in enumerate(zip(benchmarks, questions, strict=True)):
        places.setdefault(key, []).append(place)
    answers, found = verdicts["extracted"].to_pylist(), [-1] * len(verdicts)
    labels = clusters([[answers[i] for i in mine] for mine in places.values()], grader)
    for mine, numbers in zip(places.values(), labels, strict=True):
        for place, number in zip(mine, numbers, strict=True):
            found[place] = number
    column = verdicts.schema.get_field_index("cluster")
    return verdicts.set_column(column, "cluster", pa.array(found, pa.int32()))


def _golds(args: argparse.Namespace) -> dict:
    """Gold answers by benchmark, None for training questions, and question."""
    from sent import tables
    from sent.data.benchmarks import read_benchmarks
    from sent.errors import SentError
    from sent.grading.grader import Gold

    named: Iterable[tuple[str | None, list[dict]]] = read_benchmarks(args.benchmarks or []).items() or [
        (None, tables.rows(args.questions, tables.QUESTIONS))
    ]
    golds = {
        (name, row["question_id"]): Gold(row["answer"] or "", row["tolerance"])
        for name, rows in named
        for row in rows
    }
    missing = [question for (_, question), gold in golds.items() if not gold.text.strip()]
    if missing:
        raise SentError(
            f"{args.questions}: {len(missing)} questions without a gold answer, the first is '{missing[0]}'; "
            "give each one"
        )
    return golds


def _gold_of(row: dict, golds: dict, args: argparse.Namespace) -> "Gold":
    from sent.errors import SentError

    gold = golds.get((row.get("benchmark"), row["question_id"]))
    if gold is None:
        where = args.questions or f"the benchmark '{row['benchmark']}' given by --benchmarks"
        raise SentError(
            f"{args.samples}: a sample of question '{row['question_id']}', which {where} does not hold; "
            "sample these questions again"
        )
    return gold


def _verdict(row: dict, grade: "Grade") -> dict:
    return {
        "benchmark": row.get("benchmark"),
        "question_id": row["question_id"],
        "sample": row["sample"],
        "extracted": grade.extracted,
        "verdict": grade.verdict,
        "paper_match": grade.paper_match,
        "verdict_reason": grade.reason,
    }

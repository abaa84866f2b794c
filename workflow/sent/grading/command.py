"""Grade the samples of a model: questions and samples in, one verdict a sample out."""

import argparse

BATCH = 4096  # responses that are held as Python strings at a time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``python -m sent grading``."""
    parser.add_argument("--questions", required=True, help="questions with gold answers (Parquet)")
    parser.add_argument("--samples", required=True, help="responses (Parquet)")
    parser.add_argument("--settings", default="{}", help="Grading settings: JSON, or a JSON/YAML file")
    parser.add_argument("--output", required=True, help="verdicts (Parquet)")


def run(args: argparse.Namespace) -> None:
    """Write ``tables.VERDICTS`` for the samples, in their order."""
    from collections import Counter

    import pyarrow as pa

    from sent import config, tables
    from sent.grading.grader import Grader
    from sent.log import logger, progress

    settings = config.parse(config.Grading, args.settings, "--settings")
    golds = _golds(args.questions)
    samples = tables.read(args.samples, tables.SAMPLES)
    counts, agreed, compared, parts = Counter(), 0, 0, [tables.VERDICTS.empty_table()]
    with Grader(settings) as grader, progress(total=len(samples), desc="grading", unit="answer") as bar:
        for batch in samples.to_batches(max_chunksize=BATCH):
            rows = batch.select(
                ["question_id", "sample", "text", "finish_reason", "recorded_correct"]
            ).to_pylist()
            grades = grader.grade(
                [(_gold_of(row, golds, args), row["text"] or "", row["finish_reason"]) for row in rows]
            )
            parts.append(
                tables.table(tables.VERDICTS, [_verdict(*pair) for pair in zip(rows, grades, strict=True)])
            )
            counts.update(grade.verdict for grade in grades)
            for row, grade in zip(rows, grades, strict=True):
                if row["recorded_correct"] is not None:
                    compared += 1
                    agreed += row["recorded_correct"] == (grade.verdict == "correct")
            bar.update(len(rows))
    tables.write(
        args.output, pa.concat_tables(parts), tables.VERDICTS, metadata={"grading": config.science(settings)}
    )
    logger.info(
        "graded %d answers: %s",
        len(samples),
        ", ".join(f"{n} {v}" for v, n in counts.most_common()) or "none",
    )
    if compared:
        logger.info("%d of %d verdicts equal the recorded ones", agreed, compared)


def _golds(path: str) -> dict:
    from sent import tables
    from sent.errors import SentError
    from sent.grading.grader import Gold

    golds = {
        row["question_id"]: Gold(row["answer"] or "", row["tolerance"])
        for row in tables.rows(path, tables.QUESTIONS)
    }
    missing = [question for question, gold in golds.items() if not gold.text.strip()]
    if missing:
        raise SentError(
            f"{path}: {len(missing)} questions without a gold answer, the first is '{missing[0]}'; give each one"
        )
    return golds


def _gold_of(row: dict, golds: dict, args: argparse.Namespace):
    from sent.errors import SentError

    if row["question_id"] not in golds:
        raise SentError(
            f"{args.samples}: a sample of question '{row['question_id']}', which {args.questions} does not hold; "
            "sample these questions again"
        )
    return golds[row["question_id"]]


def _verdict(row: dict, grade) -> dict:
    return {
        "question_id": row["question_id"],
        "sample": row["sample"],
        "extracted": grade.extracted,
        "verdict": grade.verdict,
        "paper_match": grade.paper_match,
    }

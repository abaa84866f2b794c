"""Sample and grade the benchmarks with a policy, all of them in one process.

Any model folder can be evaluated, wherever it was trained.
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``python -m sent evaluation``."""
    parser.add_argument("--policy", required=True, help="model folder")
    parser.add_argument("--model", default="{}", help="JSON or file: the registry entry (sent.config.Model)")
    parser.add_argument(
        "--benchmarks", required=True, nargs="+", metavar="NAME=FILE", help="questions, Parquet"
    )
    parser.add_argument("--settings", default="{}", help="JSON or file: sent.config.Evaluation")
    parser.add_argument("--grading", default="{}", help="JSON or file: sent.config.Grading")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other responses")
    parser.add_argument("--output", required=True, help="responses and verdicts, Parquet")


def run(args: argparse.Namespace) -> None:
    """Write :data:`sent.tables.RESPONSES` for all benchmarks, in their order."""
    from pathlib import Path

    from sent import tables
    from sent.config import Evaluation, Grading, Model, parse, science
    from sent.evaluation.benchmarks import read_benchmarks
    from sent.grading.grader import Gold, Grader
    from sent.log import logger
    from sent.models.loading import load_tokenizer
    from sent.sampling import sampler
    from sent.sampling.responses import respond

    model = parse(Model, args.model, "--model")
    settings = parse(Evaluation, args.settings, "--settings")
    grading = parse(Grading, args.grading, "--grading")
    benchmarks = read_benchmarks(args.benchmarks)
    _warn(settings, logger)

    tokenizer = load_tokenizer(args.policy, model)
    requests, origin = [], []
    for name, questions in benchmarks.items():
        prompts = {row["question_id"]: sampler.render(tokenizer, model, row["question"]) for row in questions}
        golds = {row["question_id"]: Gold(row["answer"], row["tolerance"]) for row in questions}
        wanted = sampler.requests_for(prompts, settings.n, "evaluation", args.seed, name)
        requests += wanted
        origin += [(name, golds[request.question_id]) for request in wanted]

    journal = Path(f"{args.output}.answered.jsonl")
    backend = sampler.load_sampler(args.policy, model, settings, journal)
    rows = respond(backend, tokenizer, requests, settings.decoding)
    with Grader(grading) as grader:
        items = [
            (gold, row["text"], row["finish_reason"]) for row, (_, gold) in zip(rows, origin, strict=True)
        ]
        grades = grader.grade(items)
    for row, (name, _), grade in zip(rows, origin, grades, strict=True):
        row.update(
            benchmark=name, extracted=grade.extracted, verdict=grade.verdict, paper_match=grade.paper_match
        )
    metadata = {
        "evaluation": science(settings),
        "grading": science(grading),
        "prompt": model.prompt,
        "chat": str(model.chat),
        "seed": str(args.seed),
    }
    tables.write(args.output, tables.table(tables.RESPONSES, rows), tables.RESPONSES, metadata)
    journal.unlink(missing_ok=True)
    _log(benchmarks, rows, settings.n, logger)


def _warn(settings, logger) -> None:
    asked = settings.pass_at if "pass_at" in settings.model_fields_set else []
    beyond = [k for k in asked if k > settings.n]
    if beyond:
        logger.warning(
            "pass@%s stays empty: only %s responses a question", ", @".join(map(str, beyond)), settings.n
        )
    if settings.decoding.temperature == 0 and settings.n > 1:
        logger.warning("at temperature 0 the %s responses to a question are all the same", settings.n)


def _log(benchmarks: dict[str, list[dict]], rows: list[dict], n: int, logger) -> None:
    for name, questions in benchmarks.items():
        verdicts = [row["verdict"] for row in rows if row["benchmark"] == name]
        share = {
            verdict: 100 * verdicts.count(verdict) / len(verdicts)
            for verdict in ("correct", "no_answer", "truncated")
        }
        logger.info(
            "%s: avg@%s %.1f over %s questions (no answer %.1f%%, truncated %.1f%%)",
            name,
            n,
            share["correct"],
            len(questions),
            share["no_answer"],
            share["truncated"],
        )

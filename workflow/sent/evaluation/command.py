"""Sample the benchmarks with a policy, all of them in one process.

Any model folder can be evaluated, wherever it was trained. Responses that the output file holds already, of the same
policy, settings and code, stay there; only what is missing is sampled. `python -m sent grading --benchmarks` grades.
"""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

    from sent.config import Evaluation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``python -m sent evaluation``."""
    parser.add_argument("--policy", required=True, help="model folder")
    parser.add_argument("--model", default="{}", help="JSON or file: the registry entry (sent.config.Model)")
    parser.add_argument(
        "--benchmarks", required=True, nargs="+", metavar="NAME=FILE", help="questions, Parquet"
    )
    parser.add_argument("--settings", default="{}", help="JSON or file: sent.config.Evaluation")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other responses")
    parser.add_argument(
        "--output", required=True, help="responses, Parquet; what fits in an earlier one is kept"
    )


def run(args: argparse.Namespace) -> None:
    """Write :data:`sent.tables.RESPONSES` for all benchmarks, in their order."""
    from pathlib import Path

    from sent import tables
    from sent.config import Evaluation, Model, parse, science
    from sent.data.benchmarks import read_benchmarks
    from sent.evaluation.stored import key_of, origin_of, stored
    from sent.log import logger
    from sent.models.loading import load_tokenizer
    from sent.sampling import sampler
    from sent.sampling.prompts import render
    from sent.sampling.responses import respond

    model = parse(Model, args.model, "--model")
    settings = parse(Evaluation, args.settings, "--settings")
    benchmarks = read_benchmarks(args.benchmarks)
    _warn(settings, logger)

    tokenizer = load_tokenizer(args.policy, model)
    asked = []
    for name, questions in benchmarks.items():
        prompts = {row["question_id"]: render(tokenizer, model, row["question"]) for row in questions}
        hashes = {question: sampler.prompt_hash(prompt) for question, prompt in prompts.items()}
        for request in sampler.requests_for(prompts, settings.n, "evaluation", args.seed, name):
            key = key_of(name, request.question_id, request.sample, hashes[request.question_id])
            asked.append((key, request))

    origin = origin_of(args.policy, model, settings, args.seed)
    rows = stored(args.output, origin)
    missing = [(key, request) for key, request in asked if key not in rows]
    logger.info("%s responses to %s benchmarks, %s to sample", len(asked), len(benchmarks), len(missing))
    journal = Path(f"{args.output}.answered.jsonl")
    if missing:
        backend = sampler.load_sampler(args.policy, model, settings, journal)
        drawn = respond(backend, tokenizer, [request for _, request in missing], settings.decoding)
        rows |= {key: {"benchmark": key[0], **row} for (key, _), row in zip(missing, drawn, strict=True)}
    metadata = {
        "evaluation": science(settings),
        "prompt": model.prompt,
        "chat": str(model.chat),
        "seed": str(args.seed),
        "origin": origin,
    }
    responses = tables.table(tables.RESPONSES, [rows[key] for key, _ in asked])
    tables.write(args.output, responses, tables.RESPONSES, metadata)
    journal.unlink(missing_ok=True)


def _warn(settings: "Evaluation", logger: "Logger") -> None:
    asked = settings.pass_at if "pass_at" in settings.model_fields_set else []
    beyond = [k for k in asked if k > settings.n]
    if beyond:
        logger.warning(
            "pass@%s stays empty: only %s responses a question", ", @".join(map(str, beyond)), settings.n
        )
    if settings.decoding.temperature == 0 and settings.n > 1:
        logger.warning("at temperature 0 the %s responses to a question are all the same", settings.n)

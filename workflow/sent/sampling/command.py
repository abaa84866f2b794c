"""Sample responses to questions with a policy, or read recorded ones.

Questions can be split over jobs: `--shard 2-of-4` takes the second quarter, `--gather` joins the parts. A
response depends on the seed, its question and its number only, so that the parts add up to the same file.
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``python -m sent sampling``."""
    origin = parser.add_mutually_exclusive_group(required=True)
    origin.add_argument("--policy", help="model folder to sample from")
    origin.add_argument("--recorded", help="JSON or file: recorded responses (sent.config.Recorded)")
    parser.add_argument("--file", help="the recorded responses of one model, where there are several")
    origin.add_argument(
        "--gather", nargs="+", metavar="SAMPLES", help="parts of a samples file, to be joined"
    )
    parser.add_argument("--questions", help="questions, Parquet")
    parser.add_argument("--model", default="{}", help="JSON or file: the registry entry (sent.config.Model)")
    parser.add_argument("--settings", default="{}", help="JSON or file: sent.config.Sampling")
    parser.add_argument("--shard", help="the part of the questions to do, such as 2-of-4")
    parser.add_argument("--output", required=True, help="samples, Parquet")


def run(args: argparse.Namespace) -> None:
    """Write the samples."""
    from sent.errors import SentError

    if args.gather:
        return _gather(args.gather, args.output)
    if not args.questions:
        raise SentError("--questions: missing; give the Parquet file of questions")
    if args.recorded:
        return _import(args)
    return _sample(args)


def _sample(args: argparse.Namespace) -> None:
    import json
    from pathlib import Path

    from sent import tables
    from sent.config import Model, Sampling, parse, science
    from sent.log import logger
    from sent.models.loading import load_tokenizer
    from sent.sampling import sampler
    from sent.sampling.prompts import render
    from sent.sampling.responses import respond

    model = parse(Model, args.model, "--model")
    settings = parse(Sampling, args.settings, "--settings")
    questions = tables.rows(args.questions, tables.QUESTIONS)
    shard, of = _shard(args.shard)
    part = questions[len(questions) * (shard - 1) // of : len(questions) * shard // of]
    logger.info(
        "%s of %s questions, %s responses each, %s", len(part), len(questions), settings.n, settings.backend
    )

    rows, left_out, journal = [], [], Path(f"{args.output}.answered.jsonl")
    if part:
        tokenizer = load_tokenizer(args.policy, model)
        prompts = {row["question_id"]: render(tokenizer, model, row["question"]) for row in part}
        backend = sampler.load_sampler(args.policy, model, settings, journal)
        kept = sampler.with_room(prompts, backend.context)
        left_out = [question for question in prompts if question not in kept]
        requests = sampler.requests_for(kept, settings.n, "sampling", settings.seed)
        rows = respond(backend, tokenizer, requests, settings.decoding)
    metadata = {"sampling": science(settings), "prompt": model.prompt, "chat": str(model.chat)}
    if left_out:
        metadata["left_out"] = json.dumps(left_out)
    if args.shard:
        metadata["shard"] = f"{shard}-of-{of}"
    tables.write(args.output, tables.table(tables.SAMPLES, rows), tables.SAMPLES, metadata)
    journal.unlink(missing_ok=True)


def _import(args: argparse.Namespace) -> None:
    import pyarrow as pa

    from sent import tables
    from sent.config import Recorded, dump, parse
    from sent.errors import SentError
    from sent.log import logger
    from sent.sampling.recorded import recorded_samples

    recorded = parse(Recorded, args.recorded, "--recorded")
    if isinstance(recorded.path, dict) and not args.file:
        raise SentError("--file: missing; name the file of one model, as `path` has several")
    questions = tables.rows(args.questions, tables.QUESTIONS)
    parts = [tables.table(tables.SAMPLES, rows) for rows in recorded_samples(recorded, questions, args.file)]
    samples = pa.concat_tables(parts)
    tables.write(args.output, samples, tables.SAMPLES, {"recorded": dump(recorded)})
    known = len(samples) - samples["logprob_sum"].null_count
    logger.info(
        "%s responses to %s questions, %s with log-probabilities", len(samples), len(questions), known
    )


def _gather(paths: list[str], output: str) -> None:
    import json

    import pyarrow as pa

    from sent import tables
    from sent.errors import SentError

    found = {path: tables.metadata(path) for path in paths}
    shards = {path: _shard(metadata.pop("shard", None)) for path, metadata in found.items()}
    left_out = [
        q for path in sorted(paths, key=lambda path: shards[path]) for q in tables.fact(path, "left_out", [])
    ]
    for metadata in found.values():
        metadata.pop("left_out", None)
    of = {count for _, count in shards.values()}
    if len(of) > 1 or sorted(number for number, _ in shards.values()) != list(range(1, max(of) + 1)):
        listed = ", ".join(f"{path} ({number}-of-{count})" for path, (number, count) in shards.items())
        raise SentError(f"--gather: expected every part of one samples file once, found {listed}")
    if len({tuple(sorted(metadata.items())) for metadata in found.values()}) > 1:
        raise SentError(
            f"--gather: the parts were sampled with different settings: {', '.join(paths)}; repeat them"
        )
    parts = [tables.read(path, tables.SAMPLES) for path in sorted(paths, key=lambda path: shards[path])]
    metadata = found[paths[0]] | ({"left_out": json.dumps(left_out)} if left_out else {})
    tables.write(output, pa.concat_tables(parts), tables.SAMPLES, metadata)


def _shard(text: str | None) -> tuple[int, int]:
    """Return (2, 4) for '2-of-4', (1, 1) for None."""
    import re

    from sent.errors import SentError

    match = re.fullmatch(r"(\d+)-of-(\d+)", text or "1-of-1")
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise SentError(f"--shard: expected a part such as 2-of-4, found '{text}'")
    return int(match[1]), int(match[2])

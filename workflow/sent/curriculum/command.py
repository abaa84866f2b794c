"""Sort questions into stages by semantic entropy.

With --previous and --after-stage: sort the stages that are still to come anew.
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the stage's files and settings."""
    parser.add_argument("--semantic-entropy", required=True, metavar="PARQUET")
    parser.add_argument(
        "--settings", default="{}", metavar="JSON", help="settings of the stage, as JSON or a path"
    )
    parser.add_argument(
        "--output", required=True, metavar="PARQUET", help="output: a row a question and stage"
    )
    parser.add_argument("--previous", metavar="PARQUET", help="curriculum whose later stages are sorted anew")
    parser.add_argument(
        "--after-stage", type=int, metavar="K", help="the last stage of it that stays as it is"
    )


def run(args: argparse.Namespace) -> None:
    """Read the semantic entropies, write the curriculum."""
    from sent import config, tables
    from sent.curriculum.arrange import curriculum, rescored
    from sent.errors import SentError
    from sent.log import logger

    settings = config.parse(config.Curriculum, args.settings, "--settings")
    if (args.previous is None) != (args.after_stage is None):
        raise SentError("curriculum: --previous and --after-stage go together")
    entropies = tables.rows(args.semantic_entropy, tables.SEMANTIC_ENTROPY)
    if not entropies:
        raise SentError(f"{args.semantic_entropy}: holds no question; run the stage `semantic_entropy` again")
    expected = tables.metadata(args.semantic_entropy).get("questions", str(len(entropies)))
    if expected != str(len(entropies)):
        raise SentError(
            f"{args.semantic_entropy}: expected {expected} questions, found {len(entropies)}; run the stage "
            "`semantic_entropy` again"
        )
    if args.previous:
        previous = tables.rows(args.previous, tables.CURRICULUM)
        rows = rescored(previous, entropies, args.after_stage, settings)
    else:
        rows = curriculum(entropies, settings)
    tables.write(
        args.output,
        tables.table(tables.CURRICULUM, rows),
        tables.CURRICULUM,
        {"settings": config.dump(settings)},
    )
    for stage in range(1, settings.n_stages + 1):
        again = sum(row["rehearsal"] for row in rows if row["stage"] == stage)
        new = sum(row["stage"] == stage for row in rows) - again
        logger.info("stage %d: %d questions, %d of earlier stages again", stage, new, again)
    logger.info("left out: %d questions", sum(row["stage"] is None for row in rows))

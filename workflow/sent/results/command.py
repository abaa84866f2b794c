"""Build the database of an experiment from its files, and what is made from the database."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``sent results database`` and ``leaderboard``."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    database = commands.add_parser("database", help="results.duckdb from all Parquet files of an experiment")
    database.add_argument("--root", type=Path, required=True, help="folder of the experiment, results/NAME")
    database.add_argument("--experiment", required=True, help="the experiment's settings: JSON or a file")
    database.add_argument("--output", type=Path, required=True, help="database to write")

    leaderboard = commands.add_parser("leaderboard", help="print the scores by model and method")
    leaderboard.add_argument("--database", type=Path, required=True)
    leaderboard.add_argument("--format", choices=("table", "markdown"), default="table")

    for name, summary in (("tables", "Markdown, CSV and LaTeX"), ("figures", "SVG and PNG, with captions")):
        part = commands.add_parser(name, help=f"{summary} from the database")
        part.add_argument("--database", type=Path, required=True)
        part.add_argument("--output", type=Path, required=True, help="folder to write, replaced as a whole")

    report = commands.add_parser("report", help="one HTML file that opens without a network")
    report.add_argument("--database", type=Path, required=True)
    report.add_argument("--tables", type=Path, required=True, help="folder that `results tables` wrote")
    report.add_argument("--figures", type=Path, required=True, help="folder that `results figures` wrote")
    report.add_argument("--output", type=Path, required=True, help="HTML file to write")
    report.add_argument("--opening", type=Path, help="file for what Snakemake's own report opens with")

    compare = commands.add_parser("compare", help="two databases, question by question")
    compare.add_argument("databases", type=Path, nargs=2, metavar="DATABASE")

    pack = commands.add_parser("pack", help="a database as a few small Parquet files without texts")
    pack.add_argument("--database", type=Path, required=True)
    pack.add_argument("--output", type=Path, required=True, help="folder to write, replaced as a whole")

    unpack = commands.add_parser("unpack", help="the database of a packed experiment, or of its parts")
    unpack.add_argument(
        "folders",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="what `results pack` wrote; several: parts of one experiment",
    )
    unpack.add_argument("--output", type=Path, required=True, help="database to write")

    page = commands.add_parser("page", help="put tables and figures of databases into a page of Markdown")
    page.add_argument(
        "page", type=Path, help="the page: tables follow their queries, figures are called by name"
    )
    page.add_argument("--databases", type=Path, required=True, help="folder of experiments, as in results/")

    readme = commands.add_parser("readme", help="put a run's pictures and leaderboard into the README")
    readme.add_argument("--database", type=Path, required=True)
    readme.add_argument("--figures", type=Path, required=True, help="folder that `results figures` wrote")
    readme.add_argument("--pictures", type=Path, required=True, help="folder of the pictures to replace")
    readme.add_argument(
        "--readme", type=Path, required=True, help="Markdown file with the leaderboard's marks"
    )


def run(args: argparse.Namespace) -> None:
    """Run the command that was asked for."""
    if args.command == "database":
        from sent import experiment
        from sent.results import database

        database.build(args.root, experiment.read(args.experiment), args.output)
    elif args.command == "leaderboard":
        from sent.results import leaderboard

        print((leaderboard.text if args.format == "table" else leaderboard.markdown)(args.database))
    elif args.command == "tables":
        from sent.results import paper_tables

        paper_tables.write(args.database, args.output)
    elif args.command == "figures":
        from sent.results import figures

        figures.write(args.database, args.output)
    elif args.command == "report":
        from sent.results import report

        report.write(args.database, args.tables, args.figures, args.output, args.opening)
    elif args.command == "compare":
        from sent.results import compare

        print(compare.text(*args.databases))
    elif args.command == "pack":
        from sent.results import archive

        archive.pack(args.database, args.output)
    elif args.command == "unpack":
        from sent.results import archive

        archive.unpack(args.folders, args.output)
    elif args.command == "page":
        from sent.results import page

        page.update(args.page, args.databases)
    elif args.command == "readme":
        from sent.results import readme

        readme.update(args.database, args.figures, args.pictures, args.readme)

"""Query the databases of experiments, read-only.

Without --experiment the newest database under --results answers; tables of every other experiment are there
under its name (nano.leaderboard). With --all, every table and view holds all experiments, told apart by a
column `experiment`. docs/database.md lists the tables, docs/sql.md has queries to start from.
"""

import argparse
import sys
from pathlib import Path

FORMATS = ("table", "markdown", "csv", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``sent sql``."""
    parser.add_argument(
        "query", nargs="?", help="SQL; without it, the tables, views and their columns are listed"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--experiment", help="name of the experiment; default: the one with the newest database"
    )
    which.add_argument(
        "--all", action="store_true", help="all experiments at once, with a column `experiment`"
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder of experiments (results)"
    )
    parser.add_argument("--format", choices=FORMATS, default="table")
    parser.add_argument(
        "--rows", type=int, default=200, help="rows that are printed at most as a table (200)"
    )


def run(args: argparse.Namespace) -> None:
    """Run the query and print its rows."""
    from sent.results import printing, reading

    databases = reading.find(args.results)
    main = None if args.all else reading.choose(databases, args.experiment, args.results)
    with reading.attach(databases, main) as connection:
        rows = reading.query(connection, args.query)
    if args.query and not (args.experiment or args.all) and len(databases) > 1:
        print(f"experiment {main}, the newest of {', '.join(databases)}", file=sys.stderr)
    print(printing.rows(rows, args.format, args.rows))

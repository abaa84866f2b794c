"""What a run has done, does and still has to do: jobs by stage, progress of the running, logs of the failed."""

import argparse
import contextlib
import io
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sent.results.snakemake_run import SnakemakeRun


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``sent status``."""
    parser.add_argument(
        "--configfile",
        type=Path,
        help="the experiment's file (that of the newest run, else config/config.yaml)",
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder of experiments (results)"
    )
    parser.add_argument("--directory", type=Path, default=Path("."), help="where snakemake was started (.)")
    parser.add_argument(
        "--watch", type=_seconds, nargs="?", const=5.0, metavar="SECONDS",
        help="print it again every so many seconds (5) until Ctrl-C; on a terminal alone",
    )  # fmt: skip


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds < 1e6:
        raise ValueError
    return seconds


def run(args: argparse.Namespace) -> None:
    """Print the state of every stage, again and again where asked."""
    if args.watch is None or not sys.stdout.isatty():
        _look(args)
        return
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            page = io.StringIO()
            with contextlib.redirect_stdout(page):
                _look(args)
            # Cursor home, clear the screen: at once, so that nothing flickers.
            print(f"\x1b[H\x1b[2J{page.getvalue()}", end="", flush=True)
            time.sleep(args.watch)


def _look(args: argparse.Namespace) -> None:
    """Print the state of every stage."""
    from sent import experiment, paths
    from sent.results import snakemake_run, status

    newest = snakemake_run.newest(args.directory)
    found = experiment.read(args.configfile or next(iter(newest.config_files), Path("config/config.yaml")))
    states = status.look(args.results / found.name, paths.jobs(found), newest, args.directory)
    _print(found.name, states, newest)
    for state in states:
        for sentence in status.warnings_in(args.results / found.name / state.job.log):
            print(f"\n{state.job.name} warns: {sentence}")
    for sentence in status.damaged(args.results / found.name):
        print(f"\n{sentence}")


def _print(name: str, states: list, newest: "SnakemakeRun") -> None:
    """Print the counts by stage, the progress of what runs, and the end of the log of what failed."""
    from tabulate import tabulate

    from sent.results import status

    names = ("done", "running", "failed", "interrupted", "waiting")
    stages = dict.fromkeys(state.job.stage for state in states)
    rows = [
        [stage, *(sum(s.state == n and s.job.stage == stage for s in states) or "" for n in names)]
        for stage in stages
    ]
    done = sum(state.state == "done" for state in states)
    at_work = "Snakemake is at work" if newest.at_work else "Snakemake is not running"
    print(f"{name}: {done} of {len(states)} jobs done; {at_work}")
    if newest.locked and not newest.at_work:
        print("A killed Snakemake left its lock, which the next start removes")
    print(tabulate(rows, ["stage", *names], tablefmt="rounded_outline", disable_numparse=True))
    for state in states:
        if state.state == "running":
            print(f"\n{state.job.name}: {status.progress_of(state.tail)}")
        elif state.state in ("failed", "interrupted"):
            print(f"\n{state.job.name} {state.state}; the end of {state.job.log}:")
            print(
                "\n".join(
                    f"    {line}"
                    for line in state.tail or ["(empty: the job was killed before it said anything)"]
                )
            )

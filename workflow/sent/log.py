"""Logging and progress: one logger, lines with a time, bars that stay readable in a log file."""

import logging
import sys

logger = logging.getLogger("sent")


def setup(verbose: bool = False) -> None:
    """Send the package's log lines to standard error."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="%(asctime)s %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
    )
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)


def progress(iterable=None, *, total: int | None = None, desc: str = "", unit: str = "it", **options):
    """Return a tqdm bar. On a terminal it refreshes often; in a log file every ten seconds."""
    from tqdm import tqdm

    interval = 0.1 if sys.stderr.isatty() else 10.0
    return tqdm(
        iterable, total=total, desc=desc, unit=unit, mininterval=interval, dynamic_ncols=True, **options
    )

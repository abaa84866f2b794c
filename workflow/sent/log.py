"""Logging and progress: one logger, lines with a time, bars on a terminal."""

import logging
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger("sent")

BAR_AFTER = 2.0  # seconds


def setup() -> None:
    """Send the package's log lines to standard error."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="%(asctime)s %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
    )
    logger.setLevel(logging.INFO)


def progress(
    iterable: Iterable | None = None,
    *,
    total: int | None = None,
    desc: str = "",
    unit: str = "it",
    disable: bool = False,
    **options: Any,
) -> "tqdm":
    """Return a tqdm bar: on a terminal alone, and for work that takes longer than ``BAR_AFTER`` seconds."""
    from tqdm import tqdm

    return tqdm(
        iterable,
        total=total,
        desc=desc,
        unit=unit,
        delay=BAR_AFTER,
        disable=disable or None,  # None: where standard error is no terminal
        dynamic_ncols=True,
        **options,
    )

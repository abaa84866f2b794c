"""What the README shows of a run: pictures, and its leaderboard between two marks."""

import re
from pathlib import Path

from sent.errors import SentError
from sent.log import logger
from sent.results import leaderboard, page

PICTURES = ("training_curves", "pass_at_k")
BEGIN = "<!-- leaderboard: written by `snakemake readme_pictures`, not by hand -->"
END = "<!-- leaderboard ends -->"


def update(database: Path, figures: Path, pictures: Path, readme: Path) -> None:
    """Copy the figures that the README shows to ``pictures``, and put the leaderboard into ``readme``.

    Raises :class:`SentError` where a figure or a mark is missing; then nothing is changed.
    """
    shown = {pictures / f"{name}.svg": figures / f"{name}.svg" for name in PICTURES}
    text = with_leaderboard(readme.read_text(encoding="utf-8"), leaderboard.markdown(database), readme)
    page.write(readme, text, shown)
    logger.info("%s: leaderboard of %s; %s: %s", readme, database, pictures, ", ".join(PICTURES))


def with_leaderboard(text: str, block: str, place: Path) -> str:
    """Return ``text`` with ``block`` between the marks. Raises :class:`SentError` unless each stands there once."""
    parts = re.split(f"{re.escape(BEGIN)}|{re.escape(END)}", text)
    if len(parts) != 3 or text.find(BEGIN) > text.find(END):
        raise SentError(f"{place}: the lines '{BEGIN}' and '{END}' must stand in it once, in this order")
    return f"{parts[0]}{BEGIN}\n{block}\n{END}{parts[2]}"

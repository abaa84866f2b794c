"""What Snakemake's own report opens with, in reStructuredText: the run's words, numbers and versions."""

import json
import re

from sent.results import prose
from sent.results.experiment_data import ExperimentData

LAYOUT = ".. raw:: html\n\n   <style>.items-center.overflow-auto { align-items: safe center }</style>"
"""Snakemake centres its first page; without this, what is higher than the window begins above its upper edge."""


def text(data: ExperimentData) -> str:
    """Return the experiment's abstract, its Methods paragraph and its versions."""
    experiment = data.rows("FROM experiment").iloc[0]
    versions = [
        f"{name} {version}" for name, version in json.loads(experiment["versions"]).items() if version
    ]
    parts = [
        LAYOUT,
        f"**Experiment {_plain(experiment['name'])}.** {_plain(prose.abstract(data))}",
        f"**Methods.** {_plain(prose.methods(data))}",
        f"**Environment.** {_plain(', '.join(versions))}.",
        "Leaderboard, figures that answer to the pointer, all settings with their defaults, and the files that went in "
        "with their hashes: ``report.html`` under *Report*. The experiment's file: *About*.",
    ]
    # Snakemake fills in templates here; what a run says of itself is none.
    return "{% raw %}\n" + "\n\n".join(parts) + "\n{% endraw %}\n"


def _plain(words: str) -> str:
    """Put on one line, where no directive can begin, and escape what else reStructuredText or the template reads."""
    return re.sub(r"([\\*_`|<>@:])", r"\\\1", " ".join(words.split())).replace("{%", "{ %")

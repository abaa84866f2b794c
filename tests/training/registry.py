"""The entries of config/methods.yaml that docs/methods.md tells of: tests ask nothing of those that a user adds."""

import re
from pathlib import Path

import yaml
from sent.config import Method, parse

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "methods.md").read_text("utf-8")
ENTRIES = re.split(r"^(?=\w)", (ROOT / "config" / "methods.yaml").read_text("utf-8"), flags=re.MULTILINE)
TEXT = "".join(entry for entry in ENTRIES if f"`{entry.partition(':')[0]}`" in PAGE)
METHODS = {name: parse(Method, entry, f"methods.{name}") for name, entry in yaml.safe_load(TEXT).items()}


def largest_bonus(method: str) -> float | None:
    """The entropy bonus of a method with a controller at its strongest; None where the method itself says it."""
    return getattr(METHODS[method].entropy, "max", None)

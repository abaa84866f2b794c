"""Lets the tests of this folder import :mod:`checkouts`, which stands beside those of the workflow."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

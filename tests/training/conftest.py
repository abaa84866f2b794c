"""Lets the tests of this folder import :mod:`tiny`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

"""Rows of a query as text, and numbers in sentences."""

import json
import math
from datetime import date, time
from decimal import Decimal
from numbers import Number
from typing import Any

import pandas as pd
from tabulate import tabulate

WIDEST = 120
"""Characters of a cell in a table for the terminal; other formats are not cut."""


def training_seeds(count: int) -> str:
    """Return ``1 training seed``, ``3 training seeds``."""
    return f"{count} training seed{'s' if count > 1 else ''}"


def rows(found: pd.DataFrame, style: str, limit: int) -> str:
    """Return rows as ``table`` (the first ``limit``, and how many are left), markdown, csv or json."""
    found = found.astype(object).map(_plain)
    if style == "csv":
        return found.to_csv(index=False).rstrip("\n")
    if style == "json":
        return json.dumps(found.to_dict("records"), ensure_ascii=False)
    shown = found.head(limit) if style == "table" else found
    width = WIDEST if style == "table" else None
    cells = [[_cell(value, width) for value in row] for row in shown.itertuples(index=False, name=None)]
    if style == "markdown":
        cells = [[text.replace("|", "\\|") for text in row] for row in cells]
    numbers = [any(map(_is_number, found[name])) for name in found]
    text = tabulate(
        cells,
        headers=list(found.columns),
        tablefmt="pipe" if style == "markdown" else "rounded_outline",
        colalign=["right" if number else "left" for number in numbers] if cells else None,
        disable_numparse=True,
    )
    left = len(found) - len(shown)
    return f"{text}\n{left:,} more rows; --rows {len(found)} shows them" if left else text


def _plain(value: Any) -> Any:
    """A value of a database as JSON and CSV know it: bytes as DuckDB writes them, dates in ISO form, no NaN."""
    if isinstance(value, dict):
        return {_plain(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, bytes):
        return "".join(chr(b) if 32 <= b < 127 and b != ord("\\") else f"\\x{b:02X}" for b in value)
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    return value if isinstance(value, str | bool | int) or _is_finite(value) else str(value)


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _is_number(value: object) -> bool:
    return isinstance(value, Number) and not isinstance(value, bool)


def _cell(value: object, width: int | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() or abs(value) >= 1e4 else f"{value:.4g}"
    line = without_controls(str(value))
    return line if width is None or len(line) <= width else f"{line[: width - 1]}…"


def without_controls(line: str) -> str:
    """Return a line as a terminal may show it: what moves its cursor or changes its colours must not come from a model."""
    return "".join(sign if sign.isprintable() else " " for sign in line)

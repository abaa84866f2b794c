"""Rows of a query as text."""

import pandas as pd
from tabulate import tabulate

WIDEST = 120
"""Characters of a cell in a table for the terminal; other formats are not cut."""


def rows(found: pd.DataFrame, style: str, limit: int) -> str:
    """Return rows as ``table`` (the first ``limit``, and how many are left), markdown, csv or json."""
    if style == "csv":
        return found.to_csv(index=False).rstrip("\n")
    if style == "json":
        return found.to_json(orient="records", date_format="iso")
    shown = found.head(limit) if style == "table" else found
    width = WIDEST if style == "table" else None
    cells = [[_cell(value, width) for value in row] for row in shown.itertuples(index=False, name=None)]
    if style == "markdown":
        cells = [[text.replace("|", "\\|") for text in row] for row in cells]
    numbers = [pd.api.types.is_numeric_dtype(kind) for kind in found.dtypes]
    text = tabulate(
        cells,
        headers=list(found.columns),
        tablefmt="pipe" if style == "markdown" else "rounded_outline",
        colalign=["right" if number else "left" for number in numbers] if cells else None,
        disable_numparse=True,
    )
    left = len(found) - len(shown)
    return f"{text}\n{left:,} more rows; --rows {len(found)} shows them" if left else text


def _cell(value, width: int | None) -> str:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return "NULL"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() or abs(value) >= 1e4 else f"{value:.4g}"
    line = " ".join(str(value).split("\n"))
    return line if width is None or len(line) <= width else f"{line[: width - 1]}…"

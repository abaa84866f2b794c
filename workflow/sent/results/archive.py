"""An experiment's results in a few small files without texts, of which its database, tables and figures are made again."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from duckdb import DuckDBPyConnection, DuckDBPyRelation

from sent import tables
from sent.errors import SentError
from sent.log import logger
from sent.results import database, scores
from sent.results.joining import joined
from sent.results.queries import run
from sent.results.reading import connect

LEFT_OUT = {"samples", "verdicts", "clusters", "calibration", "responses", "rollouts", "artefacts"}
"""Texts and what belongs to single ones, and hashes of files that stay behind."""

MADE_AGAIN = {"metrics", "scores", "paired_differences", "published"}
"""Computed from the counts by question; published figures come with the package."""

STEPS = (
    *("model", "method", "seed", "stage", "step", "total_step"),
    *("reward", "entropy", "response_tokens", "worked_share", "truncated_share", "flat_groups"),
    *("covariance", "covariance_p50", "covariance_p90", "covariance_p99"),
    *("kl_old", "kl_reference", "clip_fraction", "grad_norm"),
)
"""Columns of `train_metrics` that are packed, in single precision: those of figures and tables, and a few to ask about."""


def pack(source: Path, folder: Path) -> None:
    """Write the tables of the database ``source`` to ``folder``, a Parquet file each, without texts.

    Raises :class:`SentError` where ``source`` is no database of results.
    """
    with connect(source) as connection, tables.atomic(folder) as temporary:
        temporary.mkdir()
        for name in _packed(connection):
            rows = _plain(connection.sql(f"FROM {name}"), name)
            if len(rows):
                tables.write(temporary / f"{name}.parquet", rows, smallest=True)
        sizes = {file.stem: file.stat().st_size for file in sorted(temporary.glob("*.parquet"))}
    logger.info(
        "%s: %s, %d KB in all", folder, ", ".join(f"{n} {b / 1e3:.0f} KB" for n, b in sizes.items()),
        sum(sizes.values()) / 1e3,
    )  # fmt: skip


def unpack(folders: Sequence[Path], output: Path) -> None:
    """Write the database ``output`` from what :func:`pack` wrote to ``folders``: scores, verdicts and views are made anew.

    Several folders are parts of one experiment that were measured apart, such as its seeds (:func:`.joining.joined`).
    Tables that were left out are empty. Raises :class:`SentError` where a folder is none, a file is damaged, or parts do not
    belong together.
    """
    for folder in folders:
        if not (folder / "experiment.parquet").is_file():
            raise SentError(
                f"{folder}: no packed experiment (experiment.parquet); make one with `sent results pack`"
            )
    files = [file for folder in folders for file in sorted(folder.glob("*.parquet"))]
    with database.writing(output) as connection:
        packed = _packed(connection)
        for file in files:
            if file.stem not in packed:
                raise SentError(f"{file}: expected one of {', '.join(packed)}; remove it")
        for name in sorted({file.stem for file in files}):
            rows = joined(name, [file for file in files if file.stem == name])
            if name == "train_metrics":
                connection.register("logged", rows)
                run(connection, "load_train_metrics")
                connection.unregister("logged")
            else:
                connection.append(name, rows.to_pandas(), by_name=True)
        database.load_published(connection)
        scores.fill(connection, database.compared_with(connection))


def _packed(connection: DuckDBPyConnection) -> list[str]:
    """Names of the tables that are packed."""
    found = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1"
    ).fetchall()
    return [name for (name,) in found if name not in LEFT_OUT | MADE_AGAIN]


def _plain(rows: DuckDBPyRelation, name: str) -> pa.Table:
    """Return the rows of a table without texts of questions; JSON as text; steps in single precision."""
    casts = {"JSON": "VARCHAR"}
    if name == "questions":
        rows = rows.select("* REPLACE (NULL::VARCHAR AS question, NULL::VARCHAR AS answer)")
    if name == "train_metrics":
        rows = rows.select(", ".join(column for column in STEPS if column in rows.columns))
        casts["DOUBLE"] = "FLOAT"
    kinds = zip(rows.columns, map(str, rows.types), strict=True)
    columns = [f"{column}::{casts.get(kind, kind)} AS {column}" for column, kind in kinds]
    return rows.select(", ".join(columns)).to_arrow_table()

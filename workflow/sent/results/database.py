"""Build results.duckdb from the Parquet files below an experiment's folder."""

import contextlib
import json
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
from duckdb import DuckDBPyConnection

from sent import __version__, tables
from sent.config import BASELINE, Experiment
from sent.data import overlap
from sent.data.complete import check_complete
from sent.errors import SentError
from sent.experiment import ResolvedExperiment
from sent.log import logger
from sent.registry import BASE, SINGULAR
from sent.results import baselines, provenance, scores, training_tables, warnings
from sent.results.files import DATASETS, File, Files
from sent.results.queries import frame, run

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "storage_compatibility_version": "v1.2.0",
    "memory_limit": "2GB",
}
"""DuckDB clients from 1.2 on open the file; what does not fit into memory goes to a temporary folder beside it."""

WRITING = (
    duckdb.IOException,
    duckdb.TransactionException,
    duckdb.FatalException,
    duckdb.OutOfMemoryException,
)
"""What DuckDB raises where the disk is full or fails."""

RECORDED = "recorded"
"""The method of models whose responses were recorded."""

PUBLISHED = Path(__file__).parent / "published.csv"

BY_MODEL = {
    "samples": tables.SAMPLES,
    "verdicts": tables.VERDICTS,
    "clusters": tables.CLUSTERS,
    "semantic_entropy": tables.SEMANTIC_ENTROPY,
    "curriculum": tables.CURRICULUM,
    "calibration": tables.CALIBRATION,
}
"""Files of which the stages before training make one a model."""

NEVER_EMPTY = {*DATASETS, *BY_MODEL} - {"calibration"}

PACKAGES = (
    "torch",
    "transformers",
    "vllm",
    "sentence-transformers",
    "math-verify",
    "snakemake",
    "duckdb",
)


def build(root: Path, experiment: ResolvedExperiment, output: Path) -> None:
    """Write ``output`` from the files that the experiment's jobs make below ``root``, and from no others.

    These are the inputs of the rule `build_database`. By hand, a stage that has not run leaves its tables empty.
    Raises :class:`SentError` where a file is damaged or the files do not fit together. Rows and their order
    depend on the files only. An earlier ``output`` stays readable until the new one takes its place.
    """
    if not root.is_dir():
        raise SentError(f"{root}: no such folder; give the folder of an experiment's results")
    with writing(output) as connection:
        _fill(connection, root, experiment)


@contextlib.contextmanager
def writing(output: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to a new database with our empty tables, which takes the place of ``output`` at the end.

    The views are made when the block is done. Raises :class:`SentError` where it cannot be written.
    """
    with tables.atomic(output) as temporary:
        try:
            with duckdb.connect(temporary, config=CONFIG) as connection:
                for name in ("macros", "schema"):
                    run(connection, name)
                connection.begin()
                yield connection
                connection.commit()
                run(connection, "views")
                # Closing writes the rows, too, but says nothing of a disk that is full.
                connection.execute("CHECKPOINT")
                for alarm in baselines.alarms(connection):
                    logger.warning("%s", alarm)
                for sentence in warnings.warnings(connection):
                    logger.warning("%s", sentence)
                _log_counts(connection, output)
        except WRITING as error:
            said = " ".join(str(error).split())
            raise SentError(
                f"{output}: cannot be written ({said}); is there room, and may it be written?"
            ) from None
        finally:
            temporary.with_name(f"{temporary.name}.wal").unlink(missing_ok=True)


def load_published(connection: DuckDBPyConnection) -> None:
    """Fill `published` with the figures that come with the package."""
    published = "SELECT source, model, benchmark, metric, method, percent / 100 FROM read_csv($path)"
    run(connection, f"INSERT INTO published {published}", path=str(PUBLISHED))


def compared_with(connection: DuckDBPyConnection) -> list[scores.Baseline]:
    """Return the baselines of the experiment that are among its methods; where responses were recorded, its first model."""
    recorded = "SELECT model FROM models WHERE $1 IN (SELECT method FROM methods) AND role = 'policy' ORDER BY position"
    if first := connection.execute(recorded, [RECORDED]).fetchone():
        return [scores.Baseline(first[0], is_model=True)]
    [(names,)] = connection.execute("SELECT settings->'$.baselines' FROM experiment").fetchall()
    methods = {method for (method,) in connection.execute("SELECT method FROM methods").fetchall()}
    asked = json.loads(names) if names else [BASELINE]  # earlier versions had no other
    return [scores.Baseline(name) for name in asked if name in methods]


def _fill(connection: DuckDBPyConnection, root: Path, experiment: ResolvedExperiment) -> None:
    files = Files(root, experiment)
    _load_names(connection, root, experiment)
    load_published(connection)
    for name in DATASETS:
        list(_load(connection, files, name, tables.QUESTIONS, "load_questions"))
    for name, schema in BY_MODEL.items():
        list(_load(connection, files, name, schema))
    _refuse(connection, "check_keys", root, "rows that are there more than once")
    _refuse(
        connection, "check_orphans", root, "rows without the rows of an earlier stage that they belong to"
    )
    _refuse(connection, "check_missing", root, "rows that a later stage lacks")
    training_tables.load(connection, files)
    list(_load(connection, files, "probe", tables.PROBE))
    settings = experiment.experiment
    asked = _questions_asked(connection, settings.benchmarks)
    for file in files.called("responses"):
        verdicts = file.path.with_name("verdicts.parquet")
        tables.check(file.path, tables.RESPONSES)
        tables.check(verdicts, tables.RESPONSE_VERDICTS)
        check_complete(file.path, tables.RESPONSES, asked)
        both = {"path": str(file.path), "verdicts": str(verdicts)}
        _refuse(connection, "check_verdicts", verdicts, "verdicts on other responses", **both)
        run(connection, "load_responses", **both, **file.keys)
        _count(connection, file.path, settings.evaluation.pass_at, file.keys)
    if settings.recorded:
        for model in settings.models:
            policy = {"model": model, "method": RECORDED, "seed": 0}
            run(connection, "load_recorded", **policy)
            ((most,),) = connection.execute("SELECT max(sample) + 1 FROM samples").fetchall()
            _count(connection, root, [k for k in settings.evaluation.pass_at if k <= most], policy)
    _load_overlap(connection, experiment.experiment)
    _refuse(
        connection, "check_responses", root, "responses and the questions of their benchmark do not agree"
    )
    scores.fill(connection, compared_with(connection))
    provenance.load(connection, files, experiment)


def _questions_asked(connection: DuckDBPyConnection, benchmarks: list[str]) -> dict[str, list[str]]:
    """The questions of each benchmark whose file is there."""
    asked: dict[str, list[str]] = {}
    query = "SELECT dataset, question_id FROM questions WHERE list_contains($1, dataset) ORDER BY ALL"
    for benchmark, question in connection.execute(query, [benchmarks]).fetchall():
        asked.setdefault(benchmark, []).append(question)
    return asked


def _count(connection: DuckDBPyConnection, place: Path, pass_at: list[int], policy: dict) -> None:
    """Count the responses of one policy by question, and by blocks of k."""
    run(connection, "count_responses", **policy)
    _refuse(connection, "check_numbering", place, "responses must be numbered 0, 1, 2, ...")
    for k in sorted(set(pass_at)):
        run(connection, "load_blocks", k=k, **policy)


def _load(
    connection: DuckDBPyConnection, files: Files, name: str, schema: pa.Schema, query: str | None = None
) -> Iterator[File]:
    """Check and load the files called ``name``; yield each when it is loaded."""
    for file in files.called(name):
        tables.check(file.path, schema)
        if name in NEVER_EMPTY and tables.count(file.path) == 0:
            raise SentError(f"{file.path}: expected rows, found none; run its stage again")
        run(connection, query or f"load_{name}", path=str(file.path), **file.keys)
        yield file


def _load_names(connection: DuckDBPyConnection, root: Path, experiment: ResolvedExperiment) -> None:
    settings = experiment.experiment
    versions = {
        "python": platform.python_version(),
        "sent": __version__,
        **{name: _version(name) for name in PACKAGES},
    }
    text = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
    rows: list[dict[str, Any]] = [
        {"name": experiment.name, "settings": text, "versions": json.dumps(versions)}
    ]
    _append(connection, "experiment", rows)
    _append(connection, "models", provenance.models(root, experiment))
    names = {
        "methods": settings.methods,
        "benchmarks": settings.benchmarks,
        "curricula": experiment.curricula,
    }
    for table, chosen in names.items():
        kind, entries = SINGULAR[table], getattr(experiment, table)
        rows = []
        for position, name in enumerate(chosen):
            entry: dict[str, Any] = {"label": BASE} if name == BASE else entries[name].model_dump(mode="json")
            label, text = entry.get("label") or name, json.dumps(entry, sort_keys=True)
            rows.append({kind: name, "position": position, "label": label, "settings": text})
        if settings.recorded and kind != "curriculum":
            name, label = (RECORDED, RECORDED) if kind == "method" else ("train", "recorded questions")
            rows = [{kind: name, "position": 0, "label": label, "settings": "{}"}]
        _append(connection, table, rows)


def _load_overlap(connection: DuckDBPyConnection, settings: Experiment) -> None:
    """Fill `overlap`: which benchmark questions stand among the training questions, too."""
    questions = frame(
        connection, "SELECT dataset, question_id, question FROM questions ORDER BY dataset, question_id"
    )
    datasets = {
        name: part[["question_id", "question"]].to_dict("records")
        for name, part in questions.groupby("dataset")
    }
    train = datasets.pop("train", [])
    datasets.pop("probe", None)
    limits = settings.results
    found = overlap.report(train, datasets, limits.overlap_words, limits.overlap_share)
    _append(connection, "overlap", found.to_pylist())


def _append(connection: DuckDBPyConnection, table: str, rows: list[dict]) -> None:
    if rows:
        connection.append(table, pd.DataFrame(rows), by_name=True)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _refuse(
    connection: DuckDBPyConnection, check: str, place: Path, problem: str, **parameters: object
) -> None:
    """Raise :class:`SentError` if the query ``check`` finds rows: each is one case of the problem."""
    found = frame(connection, check, **parameters)
    if len(found):
        raise SentError(
            f"{place}: {problem}; run the stages that made these files again. First of {len(found)} cases:\n"
            f"{found.head(10).to_string(index=False)}"
        )


def _log_counts(connection: DuckDBPyConnection, output: Path) -> None:
    sizes = "SELECT table_name, estimated_size FROM duckdb_tables() WHERE NOT temporary ORDER BY table_oid"
    counts = run(connection, sizes).fetchall()
    logger.info("%s: %s", output, ", ".join(f"{name} {n:,}" for name, n in counts if n) or "no rows")

"""Where things come from: models, files with their hashes, and what jobs cost."""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
from duckdb import DuckDBPyConnection

from sent.errors import SentError
from sent.experiment import ResolvedExperiment
from sent.models.folder import sha256
from sent.results.files import Files, read_json

READ_BY_DATABASE = (
    *("questions", "probe_questions"),
    *("samples", "verdicts", "clusters", "semantic_entropy", "curriculum", "calibration"),
    *("metrics", "rollouts", "probe", "summary", "responses", "response_verdicts"),
)
"""Names of the files among the outputs of rules."""


def models(root: Path, experiment: ResolvedExperiment) -> list[dict]:
    """Rows of the table `models`: the experiment's policies, then its entailment models."""
    rows: list[dict] = []
    for role, entries in (("policy", experiment.models), ("entailment", experiment.nli_models)):
        for name, entry in entries.items():
            folder = root / "models" / ("nli" if role == "entailment" else "") / name
            known = _json_or_empty(folder / "provenance.json")
            rows.append(
                {
                    "model": name,
                    "position": len(rows),
                    "role": role,
                    "label": entry.label or name,
                    "scale": entry.scale,
                    "accuracy": _accuracy(folder / "accuracy.json"),
                    "provenance": json.dumps(known, sort_keys=True) if known else None,
                }
            )
    return rows


def load(connection: DuckDBPyConnection, files: Files, experiment: ResolvedExperiment) -> None:
    """Fill `artefacts` and `jobs`."""
    for table, rows in (("artefacts", _artefacts(files, experiment)), ("jobs", _jobs(files))):
        if rows:
            connection.append(table, pd.DataFrame(rows).astype(object), by_name=True)


def _artefacts(files: Files, experiment: ResolvedExperiment) -> list[dict]:
    sources = _sources(experiment)
    rows = []
    for path in sorted(file.path for name in READ_BY_DATABASE for file in files.called(name)):
        place = path.relative_to(files.root).as_posix()
        measured = {"bytes": path.stat().st_size, "sha256": sha256(path)}
        rows.append({"path": place, "stage": place.partition("/")[0], **measured, **sources.get(place, {})})
    for folder in files.folders():
        told = folder / "provenance.json"
        known = _json_or_empty(told)
        rows += _files_of(told, folder.relative_to(files.root).as_posix(), known, known.get("files"))
    for file in files.called("summary"):
        policy = file.path.relative_to(files.root).parent.as_posix() + "/policy"
        made = read_json(file.path).get("files")
        rows += _files_of(file.path, policy, {"origin": "trained in this workflow"}, made)
    return [{**dict.fromkeys(("bytes", "sha256", "origin", "revision", "licence")), **row} for row in rows]


def _sources(experiment: ResolvedExperiment) -> dict[str, dict]:
    """Where the question files come from, by their path."""
    data = experiment.experiment.data
    found = {"data/train.parquet": data.train} if data else {}
    probe = experiment.experiment.probe
    if probe and (source := probe.source or (data and data.train)):
        found["data/probe.parquet"] = source
    for name, entry in experiment.benchmarks.items():
        found[f"data/benchmarks/{name}.parquet"] = entry.source
    return {place: _origin(source.model_dump()) for place, source in found.items()}


def _origin(source: dict) -> dict:
    hub = source.get("hub") or {}
    made = "generated in this workflow" if source.get("generator") else None
    return {
        "origin": f"hub dataset {hub['repo']}" if hub else source.get("path") or made,
        "revision": hub.get("revision"),
        "licence": source.get("licence"),
    }


def _files_of(said: Path, folder: str, known: dict, files: Any) -> list[dict]:
    """A row for every file of a model or trained policy, with the hashes that ``said`` tells of: taken when it was made."""
    origin = {
        "stage": folder.partition("/")[0],
        **{key: known.get(key) for key in ("origin", "revision", "licence")},
    }
    try:
        measured = {name: (int(file["bytes"]), str(file["sha256"])) for name, file in files.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise SentError(
            f"{said}: 'files': expected size and SHA-256 by name, found {files!s:.80}; delete it and run its stage again"
        ) from None
    return [
        {"path": f"{folder}/{name}", "bytes": size, "sha256": sha, **origin}
        for name, (size, sha) in sorted(measured.items())
    ]


def _jobs(files: Files) -> list[dict]:
    """Snakemake writes a line a repeat: benchmarks/{stage}/{job}.tsv."""
    rows = []
    for job, path in files.costs():
        with path.open(encoding="utf-8") as lines:
            for line in csv.DictReader(lines, delimiter="\t"):
                rows.append(
                    {
                        "stage": job.stage,
                        "job": f"{Path(job.name).relative_to(job.stage).parent / path.stem}",
                        "seconds": _number(line.get("s")),
                        "cpu_seconds": _number(line.get("cpu_time")),
                        "max_rss_mb": _number(line.get("max_rss")),
                        "mean_load": _number(line.get("mean_load")),
                    }
                )
    return rows


def _number(text: str | None) -> float | None:
    """Snakemake writes `-` or `NA` for what it could not measure."""
    try:
        return float(text or "")
    except ValueError:
        return None


def _accuracy(path: Path) -> float | None:
    """The accuracy of an entailment model that was trained here."""
    if not path.is_file():
        return None
    found = read_json(path).get("accuracy")
    if not isinstance(found, int | float) or not 0 <= found <= 1:
        raise SentError(
            f"{path}: 'accuracy': expected a share, found {found!r}; delete it and run its stage again"
        )
    return found


def _json_or_empty(path: Path) -> dict:
    return read_json(path) if path.is_file() else {}

"""Where things come from: models, files with their hashes, and what jobs cost."""

import csv
import hashlib
import json
from pathlib import Path

import pandas as pd

from sent.results import layout
from sent.results.run_settings import RunSettings

READ_BY_DATABASE = (
    "data/**/*.parquet",
    "train/**/metrics.parquet",
    "train/**/train.json",
    "evaluation/**/*.parquet",
)


def models(root: Path, settings: RunSettings) -> list[dict]:
    """Rows of the table `models`: the experiment's policies, then its entailment models."""
    rows = []
    entailment = {path.parent.name: {} for path in sorted(root.glob("models/nli/*/provenance.json"))}
    both = [("policy", settings.models), ("entailment", {**entailment, **settings.nli_models})]
    for role, entries in both:
        for name, entry in entries.items():
            folder = root / "models" / ("nli" if role == "entailment" else "") / name
            known = _json_or_empty(folder / "provenance.json")
            measured = _json_or_empty(folder / "accuracy.json")
            rows.append(
                {
                    "model": name,
                    "position": len(rows),
                    "role": role,
                    "label": entry.get("label") or name,
                    "scale": entry.get("scale"),
                    "accuracy": measured.get("accuracy"),
                    "provenance": json.dumps(known, sort_keys=True) if known else None,
                }
            )
    return rows


def load(connection, root: Path, settings: RunSettings) -> None:
    """Fill `artefacts` and `jobs`."""
    for table, rows in (("artefacts", _artefacts(root, settings)), ("jobs", _jobs(root))):
        if rows:
            connection.append(table, pd.DataFrame(rows).astype(object), by_name=True)


def _artefacts(root: Path, settings: RunSettings) -> list[dict]:
    patterns = [*READ_BY_DATABASE, *(f"{stage}/*.parquet" for stage in layout.MODEL_STAGES)]
    sources = _sources(settings)
    rows = []
    for path in sorted({p for pattern in patterns for p in root.glob(pattern)}):
        place = path.relative_to(root).as_posix()
        measured = {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        rows.append({"path": place, "stage": place.partition("/")[0], **measured, **sources.get(place, {})})
    for path in sorted(
        [*root.glob("models/**/provenance.json"), *root.glob("train/**/policy/provenance.json")]
    ):
        rows += _model_files(path.parent.relative_to(root).as_posix(), layout.read_json(path))
    return [{**dict.fromkeys(("bytes", "sha256", "origin", "revision", "licence")), **row} for row in rows]


def _sources(settings: RunSettings) -> dict[str, dict]:
    """Where the question files come from, by their path."""
    data = settings.experiment.data
    found = {"data/train.parquet": data.train.model_dump()} if data else {}
    for name, entry in settings.benchmarks.items():
        found[f"data/benchmarks/{name}.parquet"] = entry.get("source") or {}
    return {place: _origin(source) for place, source in found.items()}


def _origin(source: dict) -> dict:
    hub = source.get("hub") or {}
    made = "generated in this workflow" if source.get("generator") else None
    return {
        "origin": f"hub dataset {hub['repo']}" if hub else source.get("path") or made,
        "revision": hub.get("revision"),
        "licence": source.get("licence"),
    }


def _model_files(folder: str, known: dict) -> list[dict]:
    """A row for every file of a model or trained policy, with the hashes taken when the folder was made."""
    origin = {
        "stage": folder.partition("/")[0],
        **{key: known.get(key) for key in ("origin", "revision", "licence")},
    }
    files = known.get("files") or {}
    return [{"path": f"{folder}/{name}", **measured, **origin} for name, measured in sorted(files.items())]


def _jobs(root: Path) -> list[dict]:
    """Snakemake writes a line a repeat: benchmarks/{stage}/{job}.tsv."""
    rows = []
    for path in sorted((root / "benchmarks").rglob("*.tsv")):
        stage, *job = path.relative_to(root / "benchmarks").with_suffix("").parts
        with path.open() as lines:
            for line in csv.DictReader(lines, delimiter="\t"):
                rows.append(
                    {
                        "stage": stage,
                        "job": "/".join(job),
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
        return float(text)
    except (TypeError, ValueError):
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json_or_empty(path: Path) -> dict:
    return layout.read_json(path) if path.is_file() else {}

"""The files of an experiment below results/{experiment}/, and which of them exist."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sent import tables
from sent.errors import SentError

MODEL_STAGES = {
    "samples": tables.SAMPLES,
    "verdicts": tables.VERDICTS,
    "clusters": tables.CLUSTERS,
    "semantic_entropy": tables.SEMANTIC_ENTROPY,
    "curriculum": tables.CURRICULUM,
}
STAGE_PATH = re.compile(r"train/(?P<model>[^/]+)/(?P<method>[^/]+)/seed(?P<seed>-?\d+)/stage(?P<stage>\d+)/")
POLICY_PATH = re.compile(r"evaluation/(?P<model>[^/]+)/(?P<method>[^/]+)/seed(?P<seed>-?\d+)\.parquet")


@dataclass(frozen=True)
class File:
    """A file below the experiment's folder with what its path says: model, method, seed, stage or dataset."""

    path: Path
    keys: dict[str, str | int]


def question_files(root: Path) -> list[File]:
    """Question files: the training set, then the benchmarks."""
    train = [File(root / "data/train.parquet", {"dataset": "train"})]
    benchmarks = sorted((root / "data/benchmarks").glob("*.parquet"))
    return [f for f in train if f.path.is_file()] + [File(p, {"dataset": p.stem}) for p in benchmarks]


def model_files(root: Path, stage: str) -> list[File]:
    """Files of a stage that makes one file a model, such as ``samples/{model}.parquet``."""
    return [File(path, {"model": path.stem}) for path in sorted((root / stage).glob("*.parquet"))]


def training_files(root: Path, name: str) -> list[File]:
    """Files called ``name`` of every trained stage."""
    return _matching(root, f"train/*/*/seed*/stage*/{name}", STAGE_PATH)


def evaluation_files(root: Path) -> list[File]:
    """Graded responses of every evaluated policy."""
    return _matching(root, "evaluation/*/*/seed*.parquet", POLICY_PATH)


def _matching(root: Path, pattern: str, path_pattern: re.Pattern) -> list[File]:
    found = []
    for path in sorted(root.glob(pattern)):
        if match := path_pattern.match(path.relative_to(root).as_posix()):
            keys = {key: int(v) if key in ("seed", "stage") else v for key, v in match.groupdict().items()}
            found.append(File(path, keys))
    return sorted(found, key=lambda file: tuple(file.keys.values()))


def check(path: Path, schema: pa.Schema) -> None:
    """Raise :class:`SentError` unless ``path`` is a Parquet file with the columns of ``schema``."""
    try:
        names = pq.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        raise SentError(
            f"{path}: not a readable Parquet file ({error}); delete it, run its stage again"
        ) from None
    if missing := [name for name in schema.names if name not in names]:
        raise SentError(f"{path}: lacks the columns {missing}, has {names}; run its stage again")


def read_json(path: Path) -> dict:
    """Read a JSON object; :class:`SentError` if it is none."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SentError(
            f"{path}: not readable as JSON ({error}); delete it and run its stage again"
        ) from None
    if not isinstance(found, dict):
        raise SentError(f"{path}: expected a JSON object, found {type(found).__name__}")
    return found

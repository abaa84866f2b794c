"""The files of an experiment below results/{experiment}/, and which of them exist."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sent import tables
from sent.config import Experiment
from sent.errors import SentError
from sent.log import logger

MODEL_STAGES = {
    "samples": tables.SAMPLES,
    "verdicts": tables.VERDICTS,
    "clusters": tables.CLUSTERS,
    "semantic_entropy": tables.SEMANTIC_ENTROPY,
    "curriculum": tables.CURRICULUM,
    "calibration": tables.CALIBRATION,
}
STAGE_PATH = re.compile(r"train/(?P<model>[^/]+)/(?P<method>[^/]+)/seed(?P<seed>-?\d+)/stage(?P<stage>\d+)/")
POLICY_PATH = re.compile(r"evaluation/(?P<model>[^/]+)/(?P<method>[^/]+)/seed(?P<seed>-?\d+)\.parquet")


@dataclass(frozen=True)
class File:
    """A file below the experiment's folder with what its path says: model, method, seed, stage or dataset."""

    path: Path
    keys: dict[str, str | int]


class Layout:
    """The files below ``root`` that belong to an experiment; what its settings do not name is left aside."""

    def __init__(self, root: Path, experiment: Experiment):
        self.root = root
        self.names = {
            "dataset": {"train", *experiment.benchmarks},
            "model": set(experiment.models),
            "method": set(experiment.methods),
            "seed": set(experiment.seeds),
        }

    def question_files(self) -> list[File]:
        """Question files: the training set, then the benchmarks."""
        train = self.root / "data/train.parquet"
        paths = [train] * train.is_file() + sorted((self.root / "data/benchmarks").glob("*.parquet"))
        return self._belonging([File(path, {"dataset": path.stem}) for path in paths])

    def model_files(self, stage: str) -> list[File]:
        """Files of a stage that makes one file a model, such as ``samples/{model}.parquet``."""
        paths = sorted((self.root / stage).glob("*.parquet"))
        return self._belonging([File(path, {"model": path.stem}) for path in paths])

    def training_files(self, name: str) -> list[File]:
        """Files called ``name`` of every trained stage."""
        return self._matching(f"train/*/*/seed*/stage*/{name}", STAGE_PATH)

    def evaluation_files(self) -> list[File]:
        """Graded responses of every evaluated policy."""
        return self._matching("evaluation/*/*/seed*.parquet", POLICY_PATH)

    def _matching(self, pattern: str, path_pattern: re.Pattern) -> list[File]:
        found = []
        for path in sorted(self.root.glob(pattern)):
            if match := path_pattern.match(path.relative_to(self.root).as_posix()):
                keys = {k: int(v) if k in ("seed", "stage") else v for k, v in match.groupdict().items()}
                found.append(File(path, keys))
        return self._belonging(sorted(found, key=lambda file: tuple(file.keys.values())))

    def _belonging(self, files: list[File]) -> list[File]:
        kept = [f for f in files if all(f.keys[k] in names for k, names in self.names.items() if k in f.keys)]
        for file in files:
            if file not in kept:
                logger.info("%s: not of this experiment any more, left aside", file.path)
        return kept


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

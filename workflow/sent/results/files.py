"""The files that an experiment's database is made of: what the jobs before it make, as far as it is there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sent import paths
from sent.errors import SentError
from sent.experiment import ResolvedExperiment
from sent.training import step_log

DATASETS = {"questions": "train", "probe_questions": "probe"}
"""Files of questions, and what the database calls those that are of no benchmark."""


@dataclass(frozen=True)
class File:
    """A file below the experiment's folder, with the columns that its place stands for."""

    path: Path
    keys: dict[str, Any]


class Files:
    """The files below ``root`` that the jobs of an experiment make; what belongs to no job is not looked at."""

    def __init__(self, root: Path, experiment: ResolvedExperiment):
        self.root = root
        self.jobs = paths.jobs(experiment)

    def called(self, name: str) -> list[File]:
        """Return the files that rules call ``name`` among their outputs, in the order of the jobs.

        Of the files of a state of training only the untrained models' are taken: they stand for the model.
        """
        found = []
        for job in self.jobs:
            keys = dict(job.wildcards)
            state = keys.pop("state", None)
            if name not in job.outputs or (state is not None and state.stage):
                continue
            if name in DATASETS:
                keys = {"dataset": keys.get("benchmark", DATASETS[name])}
            path = self.root / job.outputs[name]
            if path.is_file():
                found.append(File(path, {"model": state.model, **keys} if state else keys))
        return found

    def running(self) -> list[File]:
        """Return the folders in which training that has not ended tells of its steps (sent.training.step_log)."""
        found = []
        for job in (job for job in self.jobs if job.rule == "train"):
            metrics = self.root / job.outputs["metrics"]
            folder = step_log.newest(metrics.parent.with_suffix(".checkpoints"))
            if folder is not None and not metrics.is_file():
                found.append(File(folder, dict(job.wildcards)))
        return found

    def folders(self) -> list[Path]:
        """Return the folders of models and entailment models that are there."""
        made = [self.root / job.outputs["model"] for job in self.jobs if "model" in job.outputs]
        return [path for path in made if path.is_dir()]

    def costs(self) -> list[tuple[paths.Job, Path]]:
        """Return Snakemake's records of what jobs cost, a shard of a job by itself; a lost one is no harm."""
        return [
            (job, path)
            for job in self.jobs
            for path in (self.root / job.benchmark, *self._shards(job))
            if path.is_file()
        ]

    def _shards(self, job: paths.Job) -> list[Path]:
        record = self.root / job.benchmark
        return sorted(record.parent.glob(f"{record.stem}.*-of-*.tsv")) if job.rule == "gather_samples" else []


def read_json(path: Path) -> dict:
    """Read a JSON object; :class:`SentError` if it is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SentError(
            f"{path}: not readable as JSON ({error}); delete it and run its stage again"
        ) from None
    if not isinstance(found, dict):
        raise SentError(f"{path}: expected a JSON object, found {type(found).__name__}")
    return found

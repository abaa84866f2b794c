"""What results need to know of an experiment's settings: names in order, labels, k of pass@k."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sent.config import Experiment, parse
from sent.experiment import BASE

LOOKED_UP = ("models", "methods", "benchmarks", "nli_models", "by_model")
"""Keys that a resolved experiment (:meth:`sent.experiment.ResolvedExperiment.json`) adds."""


@dataclass(frozen=True)
class RunSettings:
    """An experiment with the registry entries that it picks, as plain dicts by name."""

    experiment: Experiment
    models: dict[str, dict[str, Any]]
    methods: dict[str, dict[str, Any]]
    benchmarks: dict[str, dict[str, Any]]
    nli_models: dict[str, dict[str, Any]]
    text: str

    @property
    def pass_at(self) -> list[int]:
        """The k of pass@k, ascending."""
        return sorted(set(self.experiment.evaluation.pass_at))


def read(value: str) -> RunSettings:
    """Read an experiment: resolved JSON, or as a user writes it, JSON or file (then without labels)."""
    path = None if value.lstrip().startswith("{") else Path(value)
    found = yaml.safe_load(path.read_text() if path and path.is_file() else value)
    looked_up: dict[str, Any] = {}
    if isinstance(found, dict) and isinstance(found.get("models"), dict):
        looked_up = {key: found.pop(key, {}) for key in LOOKED_UP}
        plain = next(iter(looked_up["by_model"].values()), {})
        found |= {key: plain.get(key, list(looked_up[key])) for key in ("models", "methods", "benchmarks")}
    experiment = parse(Experiment, found, "--experiment")
    named = {
        kind: {name: looked_up.get(kind, {}).get(name) or {} for name in getattr(experiment, kind)}
        for kind in ("models", "methods", "benchmarks")
    }
    if BASE in named["methods"]:
        named["methods"][BASE] = {"label": "base", **named["methods"][BASE]}
    text = json.dumps(experiment.model_dump(mode="json"), sort_keys=True)
    return RunSettings(experiment, **named, nli_models=looked_up.get("nli_models", {}), text=text)

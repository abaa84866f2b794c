"""An experiment with every name looked up: what the Snakefile asks for paths, settings and resources."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from sent.config import Benchmark, Experiment, Method, Model, Settings, parse, science
from sent.config.backends import ENTAILMENT, SAMPLERS
from sent.errors import SentError, nearest

BASE = "base"
"""The reserved method: the untrained policy, only evaluated."""

KINDS: dict[str, type[Settings]] = {"models": Model, "methods": Method, "benchmarks": Benchmark}
STAGES = ("sampling", "grading", "semantic_entropy", "curriculum", "training", "evaluation")
LOOKED_UP = {"overrides", "registry"}
"""Keys of an experiment that act through what they change: the settings by model, and the registry entries."""


@dataclass(frozen=True)
class ResolvedExperiment:
    """An :class:`Experiment` with the registry entries that it picks, and its settings by model."""

    experiment: Experiment
    models: dict[str, Model]
    nli_models: dict[str, Model]
    methods: dict[str, Method]
    benchmarks: dict[str, Benchmark]
    by_model: dict[str, Experiment]

    @property
    def name(self) -> str:
        """Name of the experiment, and of its folder under results/."""
        return self.experiment.experiment

    @property
    def trained(self) -> list[str]:
        """Methods that train, which is all but `base`."""
        return [name for name in self.experiment.methods if name != BASE]

    @property
    def sampled(self) -> list[str]:
        """Models that are asked the training questions: all, or none where the experiment only evaluates."""
        return list(self.models) if self.experiment.data or self.experiment.recorded else []

    def stages(self, model: str, method: str) -> int:
        """Number of training stages: those of the curriculum, or one for methods without."""
        if method == BASE:
            return 0
        return self.by_model[model].curriculum.n_stages if self.methods[method].curriculum else 1

    def settings(self, stage: str, model: str) -> str:
        """All settings of a stage for a model that its command reads, as JSON."""
        return science(getattr(self.by_model[model], stage), operation=True)

    def science(self, stage: str, model: str) -> str:
        """Those of them that shape what the stage makes: when they change, its jobs are repeated."""
        return science(getattr(self.by_model[model], stage))

    def entry(self, model: str) -> Model:
        """The registry entry of a policy or entailment model."""
        return self.models.get(model) or self.nli_models[model]

    def model(self, model: str) -> str:
        """The registry entry of a policy or entailment model as JSON, as far as it shapes results."""
        return science(self.entry(model))

    def resources(self, model: str) -> dict[str, Any]:
        """What a job with a policy or entailment model asks of the machine, defaults filled in."""
        asked = self.entry(model).resources.model_dump()
        defaults = {
            "sampling_gpus": min(asked["gpus"], 1),
            "sampling_mem_mb": asked["mem_mb"],
            "sampling_runtime": asked["runtime"],
        }
        return {**asked, **{key: value for key, value in defaults.items() if asked[key] is None}}

    def training_source(self) -> str:
        """Where the training questions come from, as JSON: a source, or recorded responses."""
        return science(self.experiment.recorded or self.experiment.data.train)

    def method(self, method: str) -> str:
        """The registry entry of a method as JSON, as far as it shapes results."""
        return science(self.methods[method])

    def source(self, benchmark: str) -> str:
        """Where a benchmark's questions come from, as JSON."""
        return science(self.benchmarks[benchmark].source)

    def nli_of(self, model: str) -> str | None:
        """Registry name of the model that semantic entropy needs, if it needs one."""
        settings = self.by_model[model].semantic_entropy
        if not self.sampled:
            return None
        return settings.nli_model if ENTAILMENT[settings.entailment].model != "none" else None

    def backend(self, stage: str, model: str) -> str:
        """The module that a stage's settings name: a sampler, or what judges whether answers mean the same."""
        settings = getattr(self.by_model[model], stage)
        table = ENTAILMENT if stage == "semantic_entropy" else SAMPLERS
        name = settings.entailment if stage == "semantic_entropy" else settings.backend
        return table[name].made_by.partition(":")[0]

    def json(self) -> str:
        """Everything as one line of JSON: the experiment, its settings by model and the entries it picks."""
        parts = {kind: _dump_all(getattr(self, kind)) for kind in (*KINDS, "nli_models", "by_model")}
        return json.dumps({**self.experiment.model_dump(mode="json"), **parts}, sort_keys=True)

    def reported(self) -> str:
        """What of everything shapes the results and how they are reported, not how jobs run."""
        parts = {kind: getattr(self, kind) for kind in (*KINDS, "nli_models", "by_model")}
        kept = self.experiment.science(report=True) | {
            kind: {name: entry.science(report=True) for name, entry in entries.items()}
            for kind, entries in parts.items()
        }
        for each in (kept, *kept["by_model"].values()):
            for key in LOOKED_UP:
                del each[key]
        return json.dumps(kept, sort_keys=True)


def load(config: dict[str, Any], registry_dir: str | Path) -> ResolvedExperiment:
    """Check an experiment against the settings and registries, and look up all that it names.

    ``registry_dir`` holds models.yaml, methods.yaml and benchmarks.yaml; the experiment's own `registry:`
    goes before them. Raises :class:`SentError` with every unknown name's nearest known one.
    """
    experiment = parse(Experiment, dict(config), "config")
    known = {kind: _registry(Path(registry_dir), kind, experiment) for kind in KINDS}
    for axis in ("models", "methods", "benchmarks", "seeds"):
        values = getattr(experiment, axis)
        if doubled := sorted({str(value) for value in values if values.count(value) > 1}):
            raise SentError(f"config: '{axis}' lists {', '.join(doubled)} more than once; list each once")

    models = {name: _entry(known, "models", name, "models") for name in experiment.models}
    trained = [name for name in experiment.methods if name != BASE]
    methods = {name: _entry(known, "methods", name, "methods", also=[BASE]) for name in trained}
    benchmarks = {name: _entry(known, "benchmarks", name, "benchmarks") for name in experiment.benchmarks}
    by_model = {name: _override(config, experiment, name) for name in models}
    # A model that is left out by `--config models=...` may keep its overrides; they are checked all the same.
    for name in (name for name in experiment.overrides if name not in models):
        if name not in known["models"]:
            raise SentError(f"config: 'overrides.{name}': no such model{nearest(name, known['models'])}")
        _override(config, experiment, name)

    resolved = ResolvedExperiment(experiment, models, {}, methods, benchmarks, by_model)
    needed = {name for model in models if (name := resolved.nli_of(model))}
    resolved.nli_models.update(
        {name: _entry(known, "models", name, "semantic_entropy.nli_model") for name in sorted(needed)}
    )
    _check(resolved)
    return resolved


def _registry(folder: Path, kind: str, experiment: Experiment) -> dict[str, Any]:
    """Raw entries of one registry file, with the experiment's own on top."""
    entries = _read_yaml(folder / f"{kind}.yaml")
    return {**entries, **experiment.registry.get(kind, {})}


@lru_cache
def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        found = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError:
        raise SentError(f"{path}: no such file; registry files stand in the folder config/") from None
    except yaml.YAMLError as error:
        raise SentError(f"{path}: cannot be read as YAML: {error}") from None
    if not isinstance(found or {}, dict):
        raise SentError(f"{path}: expected names with their entries, found {type(found).__name__}")
    return found or {}


def _entry(known: dict, kind: str, name: str, key: str, also: list[str] | None = None) -> Any:
    if name not in known[kind]:
        hint = nearest(name, [*known[kind], *(also or [])])
        raise SentError(
            f"config: '{key}': no {kind[:-1]} is called '{name}' in config/{kind}.yaml or `registry`{hint}"
        )
    return parse(KINDS[kind], known[kind][name], f"config/{kind}.yaml: {name}")


def _override(config: dict[str, Any], experiment: Experiment, model: str) -> Experiment:
    """The experiment as one model sees it."""
    changes = experiment.overrides.get(model)
    if not changes:
        return experiment
    where = f"config: overrides.{model}"
    for stage in changes:
        if stage not in STAGES:
            raise SentError(f"{where}: '{stage}' cannot be changed for one model{nearest(stage, STAGES)}")
    if "shards" in changes.get("sampling", {}):
        raise SentError(f"{where}: 'sampling.shards' is one number for the whole experiment; set it there")
    return parse(Experiment, _merge(config, changes), where)


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``changes`` laid over it, dict by dict."""
    both = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(both.get(key), dict)
        both[key] = _merge(both[key], value) if nested else value
    return both


def _check(resolved: ResolvedExperiment) -> None:
    """Check what no single setting can see: origins of models, files, settings that need another."""
    experiment = resolved.experiment
    if experiment.recorded is not None:
        _must_exist("config: recorded.path", experiment.recorded.path)
        if experiment.methods:
            raise SentError(
                "config: `methods` need `data`, questions to train on; `recorded` responses allow none"
            )
    elif experiment.data is not None:
        _must_exist("config: data.train.path", experiment.data.train.path)
    for name, model in {**resolved.models, **resolved.nli_models}.items():
        if experiment.recorded is None and not (model.hub or model.path or model.pretrain or model.nli):
            raise SentError(
                f"config/models.yaml: {name}: give one of hub, path and pretrain: where it comes from"
            )
        _must_exist(f"config/models.yaml: {name}.path", model.path)
    for name, model in resolved.models.items():
        if name == "nli":
            raise SentError("config: 'models': 'nli' is the folder of entailment models; choose another name")
        if model.nli:
            raise SentError(f"config: 'models': '{name}' is an entailment model, which answers no questions")
    for name, benchmark in resolved.benchmarks.items():
        _must_exist(f"config/benchmarks.yaml: {name}.source.path", benchmark.source.path)
    for name, settings in resolved.by_model.items():
        entailment = settings.semantic_entropy.entailment
        if ENTAILMENT[entailment].model == "required" and not settings.semantic_entropy.nli_model:
            raise SentError(
                f"config: semantic_entropy.entailment is '{entailment}' for {name}, which needs "
                "`semantic_entropy.nli_model`: the name of a model in config/models.yaml"
            )


def _must_exist(where: str, path: str | None) -> None:
    if path is not None and not Path(path).exists():
        raise SentError(f"{where}: '{path}' does not exist; paths count from the working directory")


def _dump_all(entries: dict[str, Settings]) -> dict[str, Any]:
    return {name: entry.model_dump(mode="json") for name, entry in entries.items()}

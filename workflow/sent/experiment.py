"""An experiment with every name looked up: what the Snakefile asks for paths, settings and resources."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sent.config import (
    BASELINE,
    Benchmark,
    Curriculum,
    Experiment,
    Method,
    Model,
    Probe,
    Settings,
    Training,
    given,
    laid_over,
    parse,
    parse_yaml,
    read_yaml,
    science,
)
from sent.config.backends import ENTAILMENT, SAMPLERS
from sent.errors import SentError, nearest
from sent.experiment_checks import check, equal
from sent.registry import BASE, KINDS, entries_of, entry
from sent.training import recipe

STAGES = ("sampling", "grading", "semantic_entropy", "training", "evaluation")
LOOKED_UP = {"allow_own_code", "overrides", "registry"}
"""Keys of an experiment that act through what they change: the settings by model, and the registry entries."""
ENTRIES = (*KINDS, "nli_models", "by_model")
"""Keys of a resolved experiment's JSON beside those of the experiment, of which some have the same names."""

FORETOLD = {"resources", "architecture"}
"""Keys of a model's entry that no command reads: what its jobs ask for, and what is foretold of them."""


@dataclass(frozen=True)
class ResolvedExperiment:
    """An :class:`Experiment` with the registry entries that it picks, and its settings by model.

    ``places`` says where the entry of a kind and name stands: in which file, under which key.
    """

    experiment: Experiment
    models: dict[str, Model]
    nli_models: dict[str, Model]
    methods: dict[str, Method]
    benchmarks: dict[str, Benchmark]
    curricula: dict[str, Curriculum]
    by_model: dict[str, Experiment]
    places: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Name of the experiment, and of its folder under results/."""
        return self.experiment.experiment

    @property
    def trained(self) -> list[str]:
        """Methods that train, which is all but `base`."""
        return [name for name in self.experiment.methods if name != BASE]

    @property
    def baselines(self) -> list[str]:
        """Methods that the others are compared with, as far as they are run."""
        return [name for name in self.experiment.baselines if name in self.experiment.methods]

    @property
    def sampled(self) -> list[str]:
        """Models whose responses to the training questions are sampled: all, or none where it only evaluates."""
        return list(self.models) if self.experiment.data or self.experiment.recorded else []

    def stages(self, model: str, method: str) -> int:
        """Number of training stages: those of the curriculum, or one for methods without."""
        if method == BASE:
            return 0
        followed = self.methods[method].curriculum
        return self.curricula[followed].n_stages if followed else 1

    def sorts_anew(self, model: str, method: str, stage: int) -> bool:
        """Whether the stages after ``stage`` are sorted by what the policy of this one answers."""
        followed = self.methods[method].curriculum
        return (
            followed is not None and self.curricula[followed].rescore and stage < self.stages(model, method)
        )

    def settings(self, of: str, model: str) -> str:
        """All settings of a stage for a model, or ("model") its registry entry, that commands read, as JSON."""
        found = self._settings(of, model).science(operation=True)
        return json.dumps({k: v for k, v in found.items() if k not in FORETOLD}, sort_keys=True)

    def science(self, of: str, model: str) -> str:
        """Those of them that shape what jobs make: when they change, the jobs are repeated."""
        return science(self._settings(of, model))

    def training(self, model: str, method: str) -> Training:
        """How a method trains a model: the experiment's settings, the model's over them, the method's over those."""
        return recipe.training_of(self.methods[method], self.by_model[model].training)

    def _settings(self, of: str, model: str) -> Settings:
        return self.entry(model) if of == "model" else getattr(self.by_model[model], of)

    def entry(self, model: str) -> Model:
        """The registry entry of a policy or entailment model."""
        return self.models.get(model) or self.nli_models[model]

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
        source = self.experiment.recorded or (self.experiment.data and self.experiment.data.train)
        assert source is not None, "what trains has one of the two"
        return science(source)

    @property
    def _probe(self) -> Probe:
        assert self.experiment.probe is not None, "only jobs of a probe ask for it"
        return self.experiment.probe

    def probe(self) -> str:
        """How training is probed, as JSON."""
        return science(self._probe)

    def held_out(self) -> str:
        """Where the probe's questions come from, as JSON: what parts them from the training questions."""
        given = self._probe.science()
        return json.dumps({k: given[k] for k in ("count", "source") if given[k] is not None}, sort_keys=True)

    def method(self, method: str) -> str:
        """The registry entry of a method as JSON, as far as it shapes results."""
        return science(self.methods[method])

    def curriculum(self, curriculum: str) -> str:
        """The registry entry of a curriculum as JSON, as far as it shapes results."""
        return science(self.curricula[curriculum])

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
        parts = {kind: _dump_all(getattr(self, kind)) for kind in ENTRIES}
        return json.dumps({**self.experiment.model_dump(mode="json"), **parts}, sort_keys=True)

    def reported(self) -> str:
        """What of everything shapes the results and how they are reported, not how jobs run."""
        parts = {kind: getattr(self, kind) for kind in ENTRIES}
        kept = self.experiment.science(report=True) | {
            kind: {name: entry.science(report=True) for name, entry in entries.items()}
            for kind, entries in parts.items()
        }
        for each in (kept, *kept["by_model"].values()):
            for key in LOOKED_UP:
                del each[key]
        return json.dumps(kept, sort_keys=True)


def load(config: dict[str, Any], where: str = "config") -> ResolvedExperiment:
    """Check an experiment against the settings and registries, and look up all that it names.

    ``where`` names its file in messages. The experiment's own `registry:` goes before the registry files (see
    :func:`registry_file`). Raises :class:`SentError` with every unknown name's nearest known one.
    """
    config = _with_models_of_recorded(dict(config))
    experiment = parse(Experiment, config, where)
    known = {kind: entries_of(kind, experiment, where) for kind in KINDS}
    for axis in ("models", "methods", "baselines", "benchmarks", "curricula", "seeds"):
        values = getattr(experiment, axis)
        if doubled := sorted({str(value) for value in values if values.count(value) > 1}):
            raise SentError(f"{where}: '{axis}' lists {', '.join(doubled)} more than once; list each once")
        if twins := equal(values, {str(value): str(value).casefold() for value in values}):
            raise SentError(
                f"{where}: '{axis}': {twins} differ only in capitals, which some file systems cannot tell apart"
            )

    if experiment.recorded:  # the responses are there: nothing needs to be known of who wrote them
        known["models"] = {name: ({}, f"{where}: recorded") for name in experiment.models} | known["models"]
    models = {name: entry(known, "models", name, f"{where}: 'models'") for name in experiment.models}
    trained = [name for name in experiment.methods if name != BASE]
    entries = {name: entry(known, "methods", name, f"{where}: 'methods'", also=[BASE]) for name in trained}
    methods = {name: _sharing(entry, experiment.methods_share) for name, entry in entries.items()}
    for name in experiment.baselines if experiment.baselines != [BASELINE] else []:
        entry(known, "methods", name, f"{where}: 'baselines'", also=[BASE])
    benchmarks = {
        name: entry(known, "benchmarks", name, f"{where}: 'benchmarks'") for name in experiment.benchmarks
    }
    keys = {
        name: f"{known['methods'][m][1]}: 'curriculum'" for m in methods if (name := methods[m].curriculum)
    }
    curricula = {
        name: entry(known, "curricula", name, keys.get(name, f"{where}: 'curricula'"))
        for name in _curricula(experiment, methods)
    }
    by_model = {name: _override(config, experiment, name, where) for name in models}
    # A model that is left out by `--config models=...` may keep its overrides; they are checked all the same.
    for name in (name for name in experiment.overrides if name not in models):
        if name not in known["models"]:
            raise SentError(f"{where}: 'overrides.{name}': no such model{nearest(name, known['models'])}")
        _override(config, experiment, name, where)

    places = {(kind, name): place for kind, entries in known.items() for name, (_, place) in entries.items()}
    resolved = ResolvedExperiment(experiment, models, {}, methods, benchmarks, curricula, by_model, places)
    needed = {name for model in models if (name := resolved.nli_of(model))}
    key = f"{where}: 'semantic_entropy.nli_model'"
    resolved.nli_models.update({name: entry(known, "models", name, key) for name in sorted(needed)})
    check(resolved, where)
    return resolved


def read(text: str | Path) -> ResolvedExperiment:
    """Read an experiment: a file, JSON as a user writes it, or the JSON of a resolved one (its own, without registries).

    Raises :class:`SentError` as :func:`load` does, and where it is no YAML or JSON.
    """
    is_json = str(text).lstrip().startswith("{")
    where = "--experiment" if is_json else str(text)
    if not is_json and not Path(text).is_file():
        raise SentError(f"{text}: no such file; name the experiment's file")
    found = parse_yaml(str(text), where) if is_json else read_yaml(Path(text))
    if not isinstance(found, dict):
        raise SentError(f"{where}: expected keys and values, found {type(found).__name__}")
    if "by_model" not in found:
        return load(found, where)
    parts = {key: found.pop(key) for key in ENTRIES}
    plain = next(iter(parts["by_model"].values()))
    experiment = parse(Experiment, found | {kind: plain[kind] for kind in KINDS}, where)
    order = {kind: getattr(experiment, kind) for kind in KINDS} | {"by_model": experiment.models}
    methods = {name: parse(Method, value, where) for name, value in parts["methods"].items()}
    order["curricula"] = _curricula(experiment, methods)
    types: dict[str, type[Settings]] = {**KINDS, "nli_models": Model, "by_model": Experiment}
    entries = {
        kind: {
            name: parse(types[kind], values[name], f"{where}: {kind}.{name}")
            for name in order.get(kind, values)
            if name in values
        }
        for kind, values in parts.items()
    }
    return ResolvedExperiment(experiment, **entries)


def _curricula(experiment: Experiment, methods: dict[str, Method]) -> list[str]:
    """Names of the curricula that an experiment makes: its own, then those that its methods follow, in their order."""
    followed = [methods[name].curriculum for name in experiment.methods if name in methods]
    is_sampled = experiment.data is not None or experiment.recorded is not None
    return list(dict.fromkeys(name for name in [*experiment.curricula, *followed] if name and is_sampled))


def _with_models_of_recorded(config: dict[str, Any]) -> dict[str, Any]:
    """The experiment with the models of its recorded responses, which need not be named a second time."""
    recorded = config.get("recorded")
    if not isinstance(recorded, dict) or config.get("models"):
        return config
    path = recorded.get("path")
    return {**config, "models": list(path) if isinstance(path, dict) else ["recorded"]}


def _sharing(method: Method, share: Method) -> Method:
    """The method with what all methods of the experiment share laid over it."""
    shared = {key: value for key, value in given(share).items() if key not in method.keeps}
    if "training" in shared:
        shared["training"] = laid_over(given(method.training), shared["training"])
    return Method.model_validate(method.model_dump(mode="json") | shared)


def _override(config: dict[str, Any], experiment: Experiment, model: str, file: str) -> Experiment:
    """The experiment as one model sees it."""
    changes = experiment.overrides.get(model)
    if not changes:
        return experiment
    where = f"{file}: overrides.{model}"
    for stage in changes:
        if stage not in STAGES:
            raise SentError(f"{where}: '{stage}' cannot be changed for one model{nearest(stage, STAGES)}")
    if "shards" in changes.get("sampling", {}):
        raise SentError(f"{where}: 'sampling.shards' is one number for the whole experiment; set it there")
    return parse(Experiment, laid_over(config, changes), where)


def _dump_all(entries: dict[str, Settings]) -> dict[str, Any]:
    return {name: entry.model_dump(mode="json") for name, entry in entries.items()}

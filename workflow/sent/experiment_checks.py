"""What no single setting of an experiment can see: origins of models, files, names and settings that need another."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sent.config import given
from sent.config.backends import ENTAILMENT
from sent.errors import SentError
from sent.registry import BASE, KINDS, registry_file
from sent.training import recipe


def check(resolved: Any, where: str) -> None:
    """Raise :class:`SentError`, which begins with a place, if the parts of a resolved experiment do not go together."""
    experiment, places = resolved.experiment, resolved.places
    if experiment.recorded is not None:
        for path in experiment.recorded.paths(experiment.models).values():
            _must_exist(f"{where}: recorded.path", path)
        if experiment.methods:
            raise SentError(
                f"{where}: `methods` need `data`, questions to train on; `recorded` responses allow none"
            )
    elif experiment.data is not None:
        _must_exist(f"{where}: data.train.path", experiment.data.train.path)
    if experiment.probe is not None:
        if not resolved.trained:
            raise SentError(
                f"{where}: `probe` asks policies while they train; name a method that does, or leave it out"
            )
        if experiment.probe.source is not None:
            _must_exist(f"{where}: probe.source.path", experiment.probe.source.path)
    for name, model in {**resolved.models, **resolved.nli_models}.items():
        place = places["models", name]
        if experiment.recorded is None and not (model.hub or model.path or model.pretrain or model.nli):
            raise SentError(f"{place}: give one of hub, path and pretrain: where it comes from")
        _must_exist(f"{place}.path", model.path)
    for name, model in resolved.models.items():
        if name == "nli":
            raise SentError(
                f"{where}: 'models': 'nli' is the folder of entailment models; choose another name"
            )
        if model.nli:
            raise SentError(f"{where}: 'models': '{name}' is an entailment model, which answers no questions")
    for name, benchmark in resolved.benchmarks.items():
        _must_exist(f"{places['benchmarks', name]}.source.path", benchmark.source.path)
    for kind in KINDS:
        entries = getattr(resolved, kind) | (resolved.nli_models if kind == "models" else {})
        labels = {name: entry.label or name for name, entry in entries.items()}
        labels |= {BASE: BASE} if kind == "methods" and BASE in experiment.methods else {}
        if twins := equal(labels, labels):
            raise SentError(
                f"{where}: '{kind}': {twins} have one label, '{labels[twins.split()[0]]}', and would be one in tables and "
                "figures; give each a `label` of its own"
            )
    for name, method in resolved.methods.items():
        shared = given(experiment.methods_share)
        place = places["methods", name] + (f", under {where}: methods_share {shared}" if shared else "")
        recipe.check(method, place, experiment.allow_own_code)
    for name, settings in resolved.by_model.items():
        for trained, entry in resolved.methods.items():
            try:
                training, embedded = resolved.training(name, trained), resolved.models[name].pretrain
                recipe.check_training(trained, entry, training)
                recipe.check_keep(training, experiment.probe is not None)
                if training.lora and embedded:  # other models' layers are known once they are loaded
                    recipe.adapted_layers(training.lora, embedded.linear_layers, name)
            except SentError as error:
                raise SentError(f"{where}: {error}") from None
        entailment = settings.semantic_entropy.entailment
        if ENTAILMENT[entailment].model == "required" and not settings.semantic_entropy.nli_model:
            raise SentError(
                f"{where}: semantic_entropy.entailment is '{entailment}' for {name}, which needs "
                f"`semantic_entropy.nli_model`: the name of a model in {registry_file('models')}"
            )


def equal(names: Iterable[str], meanings: dict[str, str]) -> str:
    """The first two names of one meaning, joined by `and`, or nothing."""
    first: dict[str, str] = {}
    for name in map(str, names):
        if (other := first.setdefault(meanings[name], name)) != name:
            return f"{other} and {name}"
    return ""


def _must_exist(where: str, path: str | None) -> None:
    if path is not None and not Path(path).exists():
        raise SentError(f"{where}: '{path}' does not exist; paths count from the working directory")


def refuse_twin(name: str, results: Path) -> None:
    """Raise :class:`SentError` where another experiment's name differs in capitals only: DuckDB attaches but one."""
    others = results.iterdir() if results.is_dir() else ()
    if twins := [path for path in others if path.name != name and path.name.casefold() == name.casefold()]:
        raise SentError(
            f"config: 'experiment': '{name}' differs only in capitals from {twins[0]}, which databases and some file "
            "systems cannot tell apart; choose another name"
        )

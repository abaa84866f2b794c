"""Shared by all stages: the checked experiment, and the functions that give values to their directives.

Inputs: the experiment (`config`) and the registries config/models.yaml, methods.yaml and benchmarks.yaml.
Outputs: none; a mistake in them ends the run here, with one message.
"""

import inspect
import json
import os
import re
import sys
from functools import cache
from itertools import product
from pathlib import Path

from snakemake.exceptions import WorkflowError

# None where the workflow is read from a hosted repository, as a module from the catalog is.
ROOT = Path(workflow.current_basedir.path).parent if workflow.current_basedir.is_local else None
if ROOT:
    # Jobs run the same package that was read here, also in an environment where it is not installed.
    sys.path.insert(0, f"{ROOT}/workflow")
    os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [sys.path[0], os.getenv("PYTHONPATH")])))
os.environ.update(PYTHONUTF8="1")  # jobs read and write UTF-8 whatever the locale

try:
    from sent.code_version import code_version
    from sent.config import read_yaml
    from sent.errors import SentError
    from sent.experiment import load
    from sent.experiment_checks import refuse_twin
    from sent.paths import State
    from sent.registry import BASE
    from sent.results import snakemake_run
    from sent.training import recipe
except ModuleNotFoundError as error:
    raise WorkflowError(
        f"{error}: a workflow that is read from a hosted repository needs its package installed beside Snakemake, of "
        "the same version: pip install 'git+https://HOST/OWNER/REPOSITORY@TAG'"
    ) from None


def own_file(path):
    """Return where one of the workflow's files is: in the checkout, or in Snakemake's cache of a hosted repository."""
    return ROOT / path if ROOT else Path(workflow.source_path(f"../{path}"))


try:
    for path in workflow.overwrite_configfiles:
        read_yaml(path)  # Snakemake takes the last of two equal keys and says nothing
    EXPERIMENT = load(config, ", ".join(map(str, workflow.overwrite_configfiles)) or "config")
    refuse_twin(EXPERIMENT.name, Path("results"))
    if workflow.is_main_process:
        snakemake_run.unlock(Path("."))
except SentError as error:
    raise WorkflowError(str(error)) from None

RECORDED = EXPERIMENT.experiment.recorded

# Snakemake asks for every job, and jobs are many to a model or a method.
settings_of = cache(EXPERIMENT.settings)
science_of = cache(EXPERIMENT.science)
method_of = cache(EXPERIMENT.method)
probe_settings = cache(EXPERIMENT.probe)
resources_of = cache(EXPERIMENT.resources)


def one_of(names):
    """Return a pattern for any of ``names``, or one that matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


def of_experiment(pattern, **axes):
    """Return the paths of ``pattern`` for this experiment and every combination of ``axes``."""
    return expand(pattern, experiment=EXPERIMENT.name, **axes)


def model_of(wildcards):
    """Return the model that a job is about: policy or entailment model.

    A wildcard `state` is {model} untrained, or {model}/{method}/seed{seed}/stage{stage}: after a stage of training.
    """
    return wildcards.get("model") or wildcards.get("nli") or wildcards.state.partition("/")[0]


def settings(of):
    """Return a function for params: a stage's settings for the model, or ("model") its registry entry, as JSON.

    Since it depends on resources, Snakemake does not repeat a job because of it: `science` stands beside it.
    """
    return lambda wildcards, resources: settings_of(of, model_of(wildcards))


def science(*of):
    """Return a function for params: what of these settings shapes the job's outputs, and repeats it."""
    return lambda wildcards: [science_of(each, model_of(wildcards)) for each in of]


# A module's `prefix` is for what the rules make; a user's own file stands where the settings say.
PREFIXED = workflow.modifier.path_modifier.replace_prefix("results") != "results"


def users_file(path):
    """Return a path of the settings as a rule's input, which counts from the working directory in modules, too."""
    return str(Path(path).absolute()) if PREFIXED else path


def model_path(wildcards):
    """Return the local folder that the model comes from, if it does."""
    path = EXPERIMENT.entry(model_of(wildcards)).path
    return users_file(path) if path else []


def optional(flag, name):
    """Return a function for params: ``flag`` with the input ``name``, or nothing where that input is empty."""
    return lambda wildcards, input: [flag, *as_list(input.get(name))] if input.get(name) else []


def as_list(paths):
    """Return ``paths`` as a list: Snakemake hands over an input of one path without one."""
    return [paths] if isinstance(paths, str) else list(paths)


def opening_of_report():
    """Return what Snakemake's report opens with: the run's own words, or what is to be run where there are none."""
    own = Path(f"results/{EXPERIMENT.name}/report.rst").resolve()
    return str(own) if own.is_file() else "workflow/report/workflow.rst"


def caption_values(wildcards):
    """Return the settings that captions of Snakemake's report name, defaults filled in; a list where models or methods differ."""
    told = {
        "responses": ("evaluation", "n"),
        "samples": ("sampling", "n"),
        "prompts": ("training", "prompts_per_step"),
        "rollouts": ("training", "responses_per_prompt"),
    }
    stages = dict.fromkeys(str(curriculum.n_stages) for curriculum in EXPERIMENT.curricula.values())
    settings = {
        stage: [getattr(s, stage) for s in EXPERIMENT.by_model.values()] for stage, _ in told.values()
    }
    if EXPERIMENT.trained:
        settings["training"] = [
            EXPERIMENT.training(*axes) for axes in product(EXPERIMENT.models, EXPERIMENT.trained)
        ]
    told_once = {
        "seeds": len(EXPERIMENT.experiment.seeds),
        "stages": " or ".join(stages),
        "baseline": next(iter(EXPERIMENT.baselines), ""),
    }
    return told_once | {
        name: " or ".join(dict.fromkeys(str(getattr(each, key)) for each in settings[stage]))
        for name, (stage, key) in told.items()
    }


def training_code(wildcards):
    """Return the version of the code that trains by a method: the loop's and the method's own parts'."""
    return _code_that_trains(wildcards.method)


@cache
def _code_that_trains(method):
    return recipe.code(EXPERIMENT.methods[method])


@cache
def _code_with(command, backend):
    return code_version(command, also=[backend])


def own_code(wildcards):
    """Return the option that lets a method run code of the user's own, where it has some and the experiment allows it."""
    return ["--allow-own-code"] if recipe.own_code(EXPERIMENT.methods[wildcards.method]) else []


def code_of(command, stage):
    """Return a function of wildcards: the version of a command's code and of the backend that the model's settings name."""
    return lambda wildcards: _code_with(command, EXPERIMENT.backend(stage, model_of(wildcards)))

"""Shared by all stages: the checked experiment, and the functions that give values to their directives.

Inputs: the experiment (`config`) and the registries config/models.yaml, methods.yaml and benchmarks.yaml.
Outputs: none; a mistake in them ends the run here, with one message.
"""

import json
import os
import re
import sys
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
    from sent.experiment import BASE, load, refuse_twin
    from sent.paths import State
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
except SentError as error:
    raise WorkflowError(str(error)) from None

RECORDED = EXPERIMENT.experiment.recorded


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
    return lambda wildcards, resources: EXPERIMENT.settings(of, model_of(wildcards))


def science(*of):
    """Return a function for params: what of these settings shapes the job's outputs, and repeats it."""
    return lambda wildcards: [EXPERIMENT.science(each, model_of(wildcards)) for each in of]


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
    return {"seeds": len(EXPERIMENT.experiment.seeds), "stages": " or ".join(stages)} | {
        name: " or ".join(dict.fromkeys(str(getattr(each, key)) for each in settings[stage]))
        for name, (stage, key) in told.items()
    }


def training_code(wildcards):
    """Return the version of the code that trains by a method: the loop's and the method's own parts'."""
    return recipe.code(EXPERIMENT.methods[wildcards.method])


def own_code(wildcards):
    """Return the option that lets a method run code of the user's own, where it has some and the experiment allows it."""
    return ["--allow-own-code"] if recipe.own_code(EXPERIMENT.methods[wildcards.method]) else []


def code_of(command, stage):
    """Return a function of wildcards: the version of a command's code and of the backend that the model's settings name."""
    return lambda wildcards: code_version(command, also=[EXPERIMENT.backend(stage, model_of(wildcards))])


def training_file(wildcards):
    """Return the local files that the training questions come from, if they do."""
    if RECORDED:
        paths = dict.fromkeys(RECORDED.paths(EXPERIMENT.experiment.models).values())
        return [users_file(path) for path in paths]
    path = EXPERIMENT.experiment.data.train.path
    return users_file(path) if path else []


def probe_file(wildcards):
    """Return the local file that the probe's questions come from, if they do."""
    probe = EXPERIMENT.experiment.probe
    return users_file(probe.source.path) if probe and probe.source and probe.source.path else []


def probed_questions(wildcards):
    """Return the questions that training asks on its way, if the experiment has a probe.

    What makes another probe makes other training questions, or is told by params, and repeats training. Another benchmark
    may take a question out of the probe, for which nobody wants to train anew: hence ancient.
    """
    found = of_experiment("results/{experiment}/data/probe.parquet") if EXPERIMENT.experiment.probe else []
    return ancient(found)


def probing(wildcards):
    """Return the option of `sent train` that says how often it asks the probe; none without one."""
    return ["--probe-settings", EXPERIMENT.probe()] if EXPERIMENT.experiment.probe else []


def benchmark_file(wildcards):
    """Return the local file that a benchmark comes from, if it does."""
    path = EXPERIMENT.benchmarks[wildcards.benchmark].source.path
    return users_file(path) if path else []


def each_policy(pattern):
    """Return the paths of ``pattern`` for every policy that is evaluated."""
    methods = EXPERIMENT.experiment.methods if EXPERIMENT.benchmarks else []
    return of_experiment(pattern, model=EXPERIMENT.models, method=methods, seed=EXPERIMENT.experiment.seeds)


def named_benchmarks(wildcards, input):
    """Return the question files of all benchmarks as NAME=FILE."""
    return list(map("=".join, zip(EXPERIMENT.benchmarks, input.benchmarks)))


def excluded_benchmarks(wildcards):
    """Return the benchmarks whose questions must not be trained on, if the experiment says so."""
    data = EXPERIMENT.experiment.data
    names = EXPERIMENT.benchmarks if data and data.exclude_benchmark_questions else []
    return of_experiment("results/{experiment}/data/benchmarks/{benchmark}.parquet", benchmark=names)


def entailment_model(wildcards):
    """Return the folder of the entailment model, where the settings name one."""
    nli = EXPERIMENT.nli_of(model_of(wildcards))
    return of_experiment("results/{experiment}/models/nli/{nli}", nli=nli) if nli else []


def curriculum_of(wildcards):
    """Return the curriculum that a training stage follows, if the method has one."""
    followed = EXPERIMENT.methods[wildcards.method].curriculum
    if not followed:
        return []
    stage = int(wildcards.stage) if EXPERIMENT.curricula[followed].rescore else 1
    state = State(wildcards.model, wildcards.method, int(wildcards.seed), stage - 1)
    return of_experiment(
        "results/{experiment}/curriculum/{state}/{curriculum}.parquet", state=state, curriculum=followed
    )


def curriculum_before(wildcards):
    """Return the curriculum that is sorted anew in a state of training; none for an untrained model."""
    state = State.parse(wildcards.state)
    if not state.stage:
        return []
    return of_experiment(
        "results/{experiment}/curriculum/{state}/{curriculum}.parquet",
        state=state._replace(stage=state.stage - 1),
        curriculum=wildcards.curriculum,
    )


def sorted_anew(wildcards, input):
    """Return the options of `sent curriculum` that name what is sorted anew; none for an untrained model."""
    stage = State.parse(wildcards.state).stage
    return ["--previous", *as_list(input.previous), "--after-stage", stage] if stage else []


def policy_in(state):
    """Return the policy in a state of training."""
    pattern = (
        "results/{experiment}/train/{state}/policy" if state.stage else "results/{experiment}/models/{state}"
    )
    return of_experiment(pattern, state=state)


def policy_in_state(wildcards):
    """Return the policy in the state of the wildcards."""
    return policy_in(State.parse(wildcards.state))


def policy_before(wildcards):
    """Return the policy that a training stage starts from."""
    return policy_in(State(wildcards.model, wildcards.method, int(wildcards.seed), int(wildcards.stage) - 1))


def policy_after(wildcards):
    """Return the policy that a method ends with."""
    stages = EXPERIMENT.stages(wildcards.model, wildcards.method)
    return policy_in(State(wildcards.model, wildcards.method, int(wildcards.seed), stages))


def all_stages(pattern):
    """Return the paths of ``pattern`` for every model, method, seed and stage of training."""
    return [
        path
        for model in EXPERIMENT.models
        for method in EXPERIMENT.trained
        for path in of_experiment(
            pattern,
            model=model,
            method=method,
            seed=EXPERIMENT.experiment.seeds,
            stage=range(1, EXPERIMENT.stages(model, method) + 1),
        )
    ]

"""Functions that name the input files of rules.

Inputs: the experiment that common.smk has checked.
Outputs: none.
"""


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
    return ["--probe-settings", probe_settings()] if EXPERIMENT.experiment.probe else []


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
    results = f"results/{EXPERIMENT.name}"
    return f"{results}/train/{state}/policy" if state.stage else f"{results}/models/{state}"


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

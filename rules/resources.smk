"""What jobs ask for, and how they start on what they get.

Inputs: `resources` of the models in config/models.yaml.
Outputs: none; functions for the directives threads, resources and params.
"""

import shlex


def requested(key):
    """Return a function of wildcards: what the registry says that a job with this model needs, None for 0.

    None leaves a resource out: where there is a `gpu` at all, even 0, executors choose machines with GPUs.
    """
    return lambda wildcards: resources_of(model_of(wildcards))[key] or None


def on_nodes(value):
    """Return a function of wildcards: ``value`` where training takes several machines ("nodes": how many), else None.

    None itself where no model takes several. With `mpi` the SLURM plugin leaves `srun` to the command; it then needs
    `tasks`, and none by GPU.
    """
    if all(resources_of(model)["nodes"] == 1 for model in EXPERIMENT.models):
        return None

    def resource(wildcards):
        nodes = resources_of(wildcards.model)["nodes"]
        return None if nodes == 1 else nodes if value == "nodes" else value

    return resource


def to_prepare(key):
    """Return a function of wildcards: what it takes to fetch a model, or to pretrain an embedded one."""

    def resource(wildcards):
        name = model_of(wildcards)
        entry = EXPERIMENT.entry(name)
        fetching = {"threads": 1, "mem_mb": 8000, "runtime": 240}
        return resources_of(name)[key] if entry.pretrain or entry.nli else fetching[key]

    return resource


def to_compare(key):
    """Return a function of wildcards: what it takes to compare answers, by an entailment model or without."""

    def resource(wildcards):
        nli = EXPERIMENT.nli_of(model_of(wildcards))
        processes = EXPERIMENT.by_model[model_of(wildcards)].semantic_entropy.processes
        alone = {"sampling_gpus": 0, "threads": 1, "sampling_mem_mb": 8000, "sampling_runtime": 240}
        asked = resources_of(nli) if nli else alone
        return max(processes, asked[key]) if key == "threads" else asked[key] or None

    return resource


def launcher(gpus):
    """Return a function for params: the command that starts a job on the GPUs that ``gpus``, a function, gives it.

    Snakemake gives a job fewer GPUs than it asks for where a limit is lower; that is refused here. Since it depends
    on resources, Snakemake does not repeat a job because of it: GPUs change how a result is made, not the result.
    """

    def command(wildcards, resources):
        wanted, granted = gpus(wildcards) or 0, resources.get("gpu", 0)
        if granted != wanted:
            raise WorkflowError(
                f"a job for {model_of(wildcards)} asks for {wanted} GPU{'' if wanted == 1 else 's'}, but the limit is "
                f"{granted}: raise --resources gpu=N, or set resources.gpus or sampling_gpus of the model in config/models.yaml"
            )
        return f"python -m sent launch --gpus {wanted}" if wanted else "python -m sent"

    return command


def training_launcher(wildcards, threads, resources):
    """Return the command that starts training: one process a GPU by accelerate, on every machine by srun."""
    command = launcher(requested("gpus"))(wildcards, resources)
    asked = resources_of(wildcards.model)
    nodes = asked["nodes"]
    if asked["gpus"] > 1:
        config = own_file(f"config/accelerate/{asked['accelerate']}.yaml")
        command += f" --accelerate {shlex.quote(str(config))}"
    if nodes > 1:
        each = f"--ntasks-per-node=1 --cpus-per-task={threads} --gpus-per-node={asked['gpus'] // nodes}"
        srun = f"srun --nodes={nodes} --ntasks={nodes} {each} --kill-on-bad-exit=1"
        command = f"{srun} {command} --nodes {nodes}"
    return command

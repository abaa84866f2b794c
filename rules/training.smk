"""Policies trained by reinforcement learning, stage by stage.

Inputs: results/{experiment}/models/{model}/, data/train.parquet, with a probe data/probe.parquet and, for methods with a
    curriculum, curriculum/{model}/{curriculum}.parquet
Outputs: results/{experiment}/train/{model}/{method}/seed{seed}/stage{stage}/: policy/, metrics.parquet,
    rollouts.parquet, probe.parquet (without a probe a table of no rows), train.json
Beside them stage{stage}.checkpoints/, which an interrupted job goes on from; a finished one removes its own, unless
    `keep_checkpoints` is on, and `prune_checkpoints` all that are left.
"""


rule training:
    input:
        all_stages("results/{experiment}/train/{model}/{method}/seed{seed}/stage{stage}/policy"),


rule train:
    input:
        policy=policy_before,
        reference="results/{experiment}/models/{model}",
        questions="results/{experiment}/data/train.parquet",
        curriculum=curriculum_of,
        probe=probed_questions,
    output:
        policy=directory("results/{experiment}/train/{model}/{method}/seed{seed}/stage{stage}/policy"),
        metrics="results/{experiment}/train/{model}/{method}/seed{seed}/stage{stage}/metrics.parquet",
        rollouts="results/{experiment}/train/{model}/{method}/seed{seed}/stage{stage}/rollouts.parquet",
        probe="results/{experiment}/train/{model}/{method}/seed{seed}/stage{stage}/probe.parquet",
        summary="results/{experiment}/train/{model}/{method}/seed{seed}/stage{stage}/train.json",
    log:
        "results/{experiment}/logs/training/{model}/{method}/seed{seed}/stage{stage}.log",
    benchmark:
        "results/{experiment}/benchmarks/training/{model}/{method}/seed{seed}/stage{stage}.tsv"
    threads: requested("threads")
    resources:
        gpu=requested("gpus"),
        _gpus=requested("gpus"),  # AWS Batch's word for it
        nodes=on_nodes("nodes"),
        tasks=on_nodes("nodes"),
        tasks_per_gpu=on_nodes(0),
        mpi=on_nodes("srun"),
        mem_mb=requested("mem_mb"),
        runtime=requested("runtime"),
    params:
        launcher=training_launcher,
        model=settings("model"),
        method=lambda wildcards: method_of(wildcards.method),
        settings=settings("training"),
        grading=settings("grading"),
        science=science("model", "training", "grading"),
        stages=lambda wildcards: EXPERIMENT.stages(wildcards.model, wildcards.method),
        curriculum=optional("--curriculum", "curriculum"),
        probe=optional("--probe", "probe"),
        probing=probing,
        checkpoints=lambda wildcards, output: f"{Path(output.policy).parent}.checkpoints",
        code=training_code,
        own_code=own_code,
    message:
        "Training {wildcards.model} by {wildcards.method}, seed {wildcards.seed}, stage {wildcards.stage}"
    shell:
        "{params.launcher} train"
        " --policy {input.policy:q}"
        " --reference {input.reference:q}"
        " --model {params.model:q}"
        " --questions {input.questions:q}"
        " {params.curriculum:q}"
        " --stage {wildcards.stage}"
        " --stages {params.stages}"
        " --method {params.method:q}"
        " --method-name {wildcards.method:q}"
        " {params.own_code:q}"
        " --run-name {wildcards.experiment:q}/{wildcards.model:q}/{wildcards.method:q}/seed{wildcards.seed}"
        " --settings {params.settings:q}"
        " --grading {params.grading:q}"
        " {params.probe:q}"
        " {params.probing:q}"
        " --seed {wildcards.seed}"
        " --output {output.policy:q}"
        " --metrics {output.metrics:q}"
        " --rollouts {output.rollouts:q}"
        " --probe-output {output.probe:q}"
        " --summary {output.summary:q}"
        " --checkpoints {params.checkpoints:q}"
        " > {log:q} 2>&1"


rule prune_checkpoints:
    input:
        all_stages("results/{experiment}/train/{model}/{method}/seed{seed}/stage{stage}/policy"),
    log:
        of_experiment("results/{experiment}/logs/training/prune_checkpoints.log"),
    params:
        folder=of_experiment("results/{experiment}/train"),
    message:
        "Removing the checkpoints of finished training"
    shell:
        "find {params.folder:q} -name '*.checkpoints' -prune -print -exec rm -r {{}} + > {log:q} 2>&1"

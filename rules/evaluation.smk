"""Responses of the trained policies, and of the untrained models, to all benchmarks, graded.

Inputs: results/{experiment}/data/benchmarks/{benchmark}.parquet and the last stage's policy of
    train/{model}/{method}/seed{seed}/, or models/{model}/ for the method `base`
Outputs: results/{experiment}/evaluation/{model}/{method}/seed{seed}.parquet
"""


rule evaluation:
    input:
        of_experiment(
            "results/{experiment}/evaluation/{model}/{method}/seed{seed}.parquet",
            model=EXPERIMENT.models,
            method=EXPERIMENT.experiment.methods if EXPERIMENT.benchmarks else [],
            seed=EXPERIMENT.experiment.seeds,
        ),


rule evaluate:
    input:
        policy=policy_after,
        benchmarks=of_experiment(
            "results/{{experiment}}/data/benchmarks/{benchmark}.parquet", benchmark=EXPERIMENT.benchmarks
        ),
    output:
        responses="results/{experiment}/evaluation/{model}/{method}/seed{seed}.parquet",
    log:
        "results/{experiment}/logs/evaluation/{model}/{method}/seed{seed}.log",
    benchmark:
        "results/{experiment}/benchmarks/evaluation/{model}/{method}/seed{seed}.tsv"
    threads: requested("threads")
    resources:
        gpu=requested("sampling_gpus"),
        _gpus=requested("sampling_gpus"),
        mem_mb=requested("sampling_mem_mb"),
        runtime=requested("sampling_runtime"),
    params:
        launcher=launcher(requested("sampling_gpus")),
        model=settings("model"),
        benchmarks=lambda wildcards, input: list(map("=".join, zip(EXPERIMENT.benchmarks, input.benchmarks))),
        settings=settings("evaluation"),
        grading=settings("grading"),
        science=science("model", "evaluation", "grading"),
        code=code_of("evaluation", "evaluation"),
    message:
        "Evaluating {wildcards.model} after {wildcards.method}, seed {wildcards.seed}"
    shell:
        "{params.launcher} evaluation"
        " --policy {input.policy:q}"
        " --model {params.model:q}"
        " --benchmarks {params.benchmarks:q}"
        " --settings {params.settings:q}"
        " --grading {params.grading:q}"
        " --seed {wildcards.seed}"
        " --output {output.responses:q}"
        " > {log:q} 2>&1"

"""Responses of the trained policies, and of the untrained models, to all benchmarks, and verdicts on them.

Inputs: results/{experiment}/data/benchmarks/{benchmark}.parquet and the last stage's policy of
    train/{model}/{method}/seed{seed}/, or models/{model}/ for the method `base`
Outputs: results/{experiment}/evaluation/{model}/{method}/seed{seed}/: responses.parquet, verdicts.parquet
A job that runs again keeps the responses that it would draw again, and samples the rest: another benchmark alone.
"""


rule evaluation:
    input:
        each_policy("results/{experiment}/evaluation/{model}/{method}/seed{seed}/responses.parquet"),
        each_policy("results/{experiment}/evaluation/{model}/{method}/seed{seed}/verdicts.parquet"),


rule evaluate:
    input:
        policy=policy_after,
        benchmarks=of_experiment(
            "results/{{experiment}}/data/benchmarks/{benchmark}.parquet", benchmark=EXPERIMENT.benchmarks
        ),
    output:
        responses=update("results/{experiment}/evaluation/{model}/{method}/seed{seed}/responses.parquet"),
    log:
        "results/{experiment}/logs/evaluation/{model}/{method}/seed{seed}/sample.log",
    benchmark:
        "results/{experiment}/benchmarks/evaluation/{model}/{method}/seed{seed}/sample.tsv"
    threads: requested("threads")
    resources:
        gpu=requested("sampling_gpus"),
        _gpus=requested("sampling_gpus"),
        mem_mb=requested("sampling_mem_mb"),
        runtime=requested("sampling_runtime"),
    params:
        launcher=launcher(requested("sampling_gpus")),
        model=settings("model"),
        benchmarks=named_benchmarks,
        settings=settings("evaluation"),
        science=science("model", "evaluation"),
        code=code_of("evaluation", "evaluation"),
    message:
        "Evaluating {wildcards.model} after {wildcards.method}, seed {wildcards.seed}"
    shell:
        "{params.launcher} evaluation"
        " --policy {input.policy:q}"
        " --model {params.model:q}"
        " --benchmarks {params.benchmarks:q}"
        " --settings {params.settings:q}"
        " --seed {wildcards.seed}"
        " --output {output.responses:q}"
        " > {log:q} 2>&1"


rule grade_responses:
    input:
        benchmarks=of_experiment(
            "results/{{experiment}}/data/benchmarks/{benchmark}.parquet", benchmark=EXPERIMENT.benchmarks
        ),
        responses="results/{experiment}/evaluation/{model}/{method}/seed{seed}/responses.parquet",
    output:
        response_verdicts="results/{experiment}/evaluation/{model}/{method}/seed{seed}/verdicts.parquet",
    log:
        "results/{experiment}/logs/evaluation/{model}/{method}/seed{seed}/grade.log",
    benchmark:
        "results/{experiment}/benchmarks/evaluation/{model}/{method}/seed{seed}/grade.tsv"
    threads: EXPERIMENT.experiment.benchmark_grading.workers
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        benchmarks=named_benchmarks,
        settings=settings("benchmark_grading"),
        science=science("benchmark_grading"),
        code=code_version("grading"),
    message:
        "Grading {wildcards.model} after {wildcards.method}, seed {wildcards.seed}"
    shell:
        "python -m sent grading"
        " --benchmarks {params.benchmarks:q}"
        " --samples {input.responses:q}"
        " --settings {params.settings:q}"
        " --output {output.response_verdicts:q}"
        " > {log:q} 2>&1"

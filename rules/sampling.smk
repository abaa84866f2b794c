"""Responses to the training questions, for semantic entropy: of the untrained models, and of policies in a later state.

Inputs: results/{experiment}/models/{model}/ and data/train.parquet, or a file of recorded responses
Outputs: results/{experiment}/samples/{state}.parquet
"""


scattergather:
    sampling=EXPERIMENT.experiment.sampling.shards,


rule sampling:
    input:
        of_experiment("results/{experiment}/samples/{state}.parquet", state=EXPERIMENT.sampled),


if RECORDED:

    rule import_samples:
        input:
            recorded=lambda wildcards: users_file(
                RECORDED.paths(EXPERIMENT.experiment.models)[model_of(wildcards)]
            ),
            questions="results/{experiment}/data/train.parquet",
        output:
            samples="results/{experiment}/samples/{state}.parquet",
        log:
            "results/{experiment}/logs/sampling/{state}.log",
        benchmark:
            "results/{experiment}/benchmarks/sampling/{state}.tsv"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            recorded=lambda wildcards: EXPERIMENT.training_source(),
            code=code_version("sampling"),
        message:
            "Reading the recorded responses of {wildcards.state}"
        shell:
            "python -m sent sampling"
            " --recorded {params.recorded:q}"
            " --file {input.recorded:q}"
            " --questions {input.questions:q}"
            " --output {output.samples:q}"
            " > {log:q} 2>&1"

else:

    rule sample:
        input:
            policy=policy_in_state,
            questions="results/{experiment}/data/train.parquet",
        output:
            samples=temp("results/{experiment}/samples/{state}.{scatteritem}.parquet"),
        log:
            "results/{experiment}/logs/sampling/{state}.{scatteritem}.log",
        benchmark:
            "results/{experiment}/benchmarks/sampling/{state}.{scatteritem}.tsv"
        threads: requested("threads")
        resources:
            gpu=requested("sampling_gpus"),
            _gpus=requested("sampling_gpus"),
            mem_mb=requested("sampling_mem_mb"),
            runtime=requested("sampling_runtime"),
        params:
            launcher=launcher(requested("sampling_gpus")),
            model=settings("model"),
            settings=settings("sampling"),
            science=science("model", "sampling"),
            code=code_of("sampling", "sampling"),
        message:
            "Sampling responses of {wildcards.state}, part {wildcards.scatteritem}"
        shell:
            "{params.launcher} sampling"
            " --policy {input.policy:q}"
            " --model {params.model:q}"
            " --questions {input.questions:q}"
            " --settings {params.settings:q}"
            " --shard {wildcards.scatteritem:q}"
            " --output {output.samples:q}"
            " > {log:q} 2>&1"

    rule gather_samples:
        input:
            shards=gather.sampling("results/{{experiment}}/samples/{{state}}.{scatteritem}.parquet"),
        output:
            samples="results/{experiment}/samples/{state}.parquet",
        log:
            "results/{experiment}/logs/sampling/{state}.log",
        benchmark:
            "results/{experiment}/benchmarks/sampling/{state}.tsv"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            science=science("model", "sampling"),
            code=code_version("sampling"),
        message:
            "Gathering the responses of {wildcards.state}"
        shell:
            "python -m sent sampling"
            " --gather {input.shards:q}"
            " --output {output.samples:q}"
            " > {log:q} 2>&1"

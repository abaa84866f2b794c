"""The models: policies, and entailment models for semantic entropy.

Inputs: a hub repository, a local folder, or nothing (embedded models are trained here from scratch).
Outputs: results/{experiment}/models/{model}/ and models/nli/{nli}/, each with provenance.json
"""


rule models:
    input:
        of_experiment("results/{experiment}/models/{model}", model=[] if RECORDED else EXPERIMENT.models),
        of_experiment("results/{experiment}/models/nli/{nli}", nli=EXPERIMENT.nli_models),


rule prepare_model:
    input:
        source=model_path,
    output:
        model=directory("results/{experiment}/models/{model}"),
    log:
        "results/{experiment}/logs/models/{model}.log",
    benchmark:
        "results/{experiment}/benchmarks/models/{model}.tsv"
    threads: to_prepare("threads")
    resources:
        mem_mb=to_prepare("mem_mb"),
        runtime=to_prepare("runtime"),
    params:
        model=settings("model"),
        science=science("model"),
        code=code_version("models"),
    message:
        "Preparing the model {wildcards.model}"
    shell:
        "python -m sent models"
        " --model {params.model:q}"
        " --name {wildcards.model:q}"
        " --output {output.model:q}"
        " > {log:q} 2>&1"


rule prepare_nli:
    input:
        source=model_path,
    output:
        model=directory("results/{experiment}/models/nli/{nli}"),
    log:
        "results/{experiment}/logs/models/nli/{nli}.log",
    benchmark:
        "results/{experiment}/benchmarks/models/nli/{nli}.tsv"
    threads: to_prepare("threads")
    resources:
        mem_mb=to_prepare("mem_mb"),
        runtime=to_prepare("runtime"),
    params:
        model=settings("model"),
        science=science("model"),
        code=code_version("nli"),
    message:
        "Preparing the entailment model {wildcards.nli}"
    shell:
        "python -m sent nli"
        " --model {params.model:q}"
        " --name {wildcards.nli:q}"
        " --output {output.model:q}"
        " > {log:q} 2>&1"

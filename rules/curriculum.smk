"""Training questions sorted into stages: an order for every curriculum, by name.

Inputs: results/{experiment}/semantic_entropy/{state}.parquet
Outputs: results/{experiment}/curriculum/{state}/{curriculum}.parquet
With `rescore: true` the stages to come are sorted anew after each stage of training, by what the policy
that it made answers to the same questions; `state` is then {model}/{method}/seed{seed}/stage{stage}.
"""


rule curriculum:
    input:
        of_experiment(
            "results/{experiment}/curriculum/{state}/{curriculum}.parquet",
            state=EXPERIMENT.sampled,
            curriculum=EXPERIMENT.curricula,
        ),


rule sort_questions:
    input:
        semantic_entropy="results/{experiment}/semantic_entropy/{state}.parquet",
        previous=curriculum_before,
    output:
        curriculum="results/{experiment}/curriculum/{state}/{curriculum}.parquet",
    log:
        "results/{experiment}/logs/curriculum/{state}/{curriculum}.log",
    benchmark:
        "results/{experiment}/benchmarks/curriculum/{state}/{curriculum}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        previous=sorted_anew,
        settings=lambda wildcards: EXPERIMENT.curriculum(wildcards.curriculum),
        code=code_version("curriculum"),
    message:
        "Sorting the questions for {wildcards.state} by the curriculum {wildcards.curriculum}"
    shell:
        "python -m sent curriculum"
        " --semantic-entropy {input.semantic_entropy:q}"
        " {params.previous:q}"
        " --settings {params.settings:q}"
        " --output {output.curriculum:q}"
        " > {log:q} 2>&1"

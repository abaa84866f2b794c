"""Training questions sorted into stages, from low semantic entropy to high.

Inputs: results/{experiment}/semantic_entropy/{state}.parquet
Outputs: results/{experiment}/curriculum/{state}.parquet
With `curriculum: {rescore: true}` the stages to come are sorted anew after each stage of training, by what the policy
that it made answers to the same questions; `state` is then {model}/{method}/seed{seed}/stage{stage}.
"""


rule curriculum:
    input:
        of_experiment("results/{experiment}/curriculum/{state}.parquet", state=EXPERIMENT.sampled),


rule sort_questions:
    input:
        semantic_entropy="results/{experiment}/semantic_entropy/{state}.parquet",
        previous=curriculum_before,
    output:
        curriculum="results/{experiment}/curriculum/{state}.parquet",
    log:
        "results/{experiment}/logs/curriculum/{state}.log",
    benchmark:
        "results/{experiment}/benchmarks/curriculum/{state}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        previous=sorted_anew,
        settings=settings("curriculum"),
        science=science("curriculum"),
        code=code_version("curriculum"),
    message:
        "Sorting the questions for {wildcards.state} into stages"
    shell:
        "python -m sent curriculum"
        " --semantic-entropy {input.semantic_entropy:q}"
        " {params.previous:q}"
        " --settings {params.settings:q}"
        " --output {output.curriculum:q}"
        " > {log:q} 2>&1"

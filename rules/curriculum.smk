"""Training questions sorted into stages, from low semantic entropy to high.

Inputs: results/{experiment}/semantic_entropy/{model}.parquet
Outputs: results/{experiment}/curriculum/{model}.parquet
"""


rule curriculum:
    input:
        of_experiment("results/{experiment}/curriculum/{model}.parquet", model=EXPERIMENT.models),


rule sort_questions:
    input:
        semantic_entropy="results/{experiment}/semantic_entropy/{model}.parquet",
    output:
        curriculum="results/{experiment}/curriculum/{model}.parquet",
    log:
        "results/{experiment}/logs/curriculum/{model}.log",
    benchmark:
        "results/{experiment}/benchmarks/curriculum/{model}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        settings=settings("curriculum"),
        code=code_version("curriculum"),
    message:
        "Sorting the questions for {wildcards.model} into stages"
    shell:
        "python -m sent curriculum"
        " --semantic-entropy {input.semantic_entropy:q}"
        " --settings {params.settings:q}"
        " --output {output.curriculum:q}"
        " > {log:q} 2>&1"

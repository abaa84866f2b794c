"""Verdicts on the sampled responses.

Inputs: results/{experiment}/data/train.parquet (gold answers) and samples/{model}.parquet
Outputs: results/{experiment}/verdicts/{model}.parquet
"""


rule grading:
    input:
        of_experiment("results/{experiment}/verdicts/{model}.parquet", model=EXPERIMENT.asked),


rule grade:
    input:
        questions="results/{experiment}/data/train.parquet",
        samples="results/{experiment}/samples/{model}.parquet",
    output:
        verdicts="results/{experiment}/verdicts/{model}.parquet",
    log:
        "results/{experiment}/logs/grading/{model}.log",
    benchmark:
        "results/{experiment}/benchmarks/grading/{model}.tsv"
    threads: EXPERIMENT.experiment.grading.workers
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        settings=settings("grading"),
        science=science("grading"),
        code=code_version("grading"),
    message:
        "Grading the responses of {wildcards.model}"
    shell:
        "python -m sent grading"
        " --questions {input.questions:q}"
        " --samples {input.samples:q}"
        " --settings {params.settings:q}"
        " --output {output.verdicts:q}"
        " > {log:q} 2>&1"

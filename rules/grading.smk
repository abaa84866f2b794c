"""Verdicts on the sampled responses.

Inputs: results/{experiment}/data/train.parquet (gold answers) and samples/{state}.parquet
Outputs: results/{experiment}/verdicts/{state}.parquet
"""


rule grading:
    input:
        of_experiment("results/{experiment}/verdicts/{state}.parquet", state=EXPERIMENT.sampled),


rule grade:
    input:
        questions="results/{experiment}/data/train.parquet",
        samples="results/{experiment}/samples/{state}.parquet",
    output:
        verdicts="results/{experiment}/verdicts/{state}.parquet",
    log:
        "results/{experiment}/logs/grading/{state}.log",
    benchmark:
        "results/{experiment}/benchmarks/grading/{state}.tsv"
    threads: EXPERIMENT.experiment.grading.workers
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        settings=settings("grading"),
        science=science("grading"),
        code=code_version("grading"),
    message:
        "Grading the responses of {wildcards.state}"
    shell:
        "python -m sent grading"
        " --questions {input.questions:q}"
        " --samples {input.samples:q}"
        " --settings {params.settings:q}"
        " --output {output.verdicts:q}"
        " > {log:q} 2>&1"

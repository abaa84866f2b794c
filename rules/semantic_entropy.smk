"""Responses clustered by meaning, and the entropy over clusters.

Inputs: results/{experiment}/data/train.parquet, samples/{state}.parquet, verdicts/{state}.parquet and, where
    the settings name an entailment model, models/nli/{nli}/
Outputs: results/{experiment}/clusters/{state}.parquet, semantic_entropy/{state}.parquet, calibration/{state}.parquet
    (the entailment model beside mathematics) and semantic_entropy/{state}.html (clusters to read)
"""


rule semantic_entropy:
    input:
        of_experiment("results/{experiment}/clusters/{state}.parquet", state=EXPERIMENT.sampled),
        of_experiment("results/{experiment}/semantic_entropy/{state}.parquet", state=EXPERIMENT.sampled),
        of_experiment("results/{experiment}/calibration/{state}.parquet", state=EXPERIMENT.sampled),


rule measure_semantic_entropy:
    input:
        questions="results/{experiment}/data/train.parquet",
        samples="results/{experiment}/samples/{state}.parquet",
        verdicts="results/{experiment}/verdicts/{state}.parquet",
        nli=entailment_model,
    output:
        clusters="results/{experiment}/clusters/{state}.parquet",
        semantic_entropy="results/{experiment}/semantic_entropy/{state}.parquet",
        calibration="results/{experiment}/calibration/{state}.parquet",
        page="results/{experiment}/semantic_entropy/{state}.html",
    log:
        "results/{experiment}/logs/semantic_entropy/{state}.log",
    benchmark:
        "results/{experiment}/benchmarks/semantic_entropy/{state}.tsv"
    threads: to_compare("threads")
    resources:
        gpu=to_compare("sampling_gpus"),
        _gpus=to_compare("sampling_gpus"),
        mem_mb=to_compare("sampling_mem_mb"),
        runtime=to_compare("sampling_runtime"),
    params:
        launcher=launcher(to_compare("sampling_gpus")),
        nli=optional("--nli", "nli"),
        settings=settings("semantic_entropy"),
        science=science("semantic_entropy"),
        code=code_of("semantic-entropy", "semantic_entropy"),
    message:
        "Measuring the semantic entropy of {wildcards.state}'s responses"
    shell:
        "{params.launcher} semantic-entropy"
        " --questions {input.questions:q}"
        " --samples {input.samples:q}"
        " --verdicts {input.verdicts:q}"
        " {params.nli:q}"
        " --settings {params.settings:q}"
        " --clusters {output.clusters:q}"
        " --output {output.semantic_entropy:q}"
        " --calibration {output.calibration:q}"
        " --page {output.page:q}"
        " > {log:q} 2>&1"

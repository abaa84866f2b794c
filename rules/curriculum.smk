"""Training questions sorted into stages, from low semantic entropy to high.

Inputs: results/{experiment}/semantic_entropy/{model}.parquet
Outputs: results/{experiment}/curriculum/{model}.parquet
With `curriculum: {rescore: true}` the stages to come are sorted anew after each stage, by what the policy that it made
answers to the same questions: results/{experiment}/rescoring/{model}/{method}/seed{seed}/stage{stage}/
"""


rule curriculum:
    input:
        of_experiment("results/{experiment}/curriculum/{model}.parquet", model=EXPERIMENT.asked),


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
        previous=[],
        settings=settings("curriculum"),
        science=science("curriculum"),
        code=code_version("curriculum"),
    message:
        "Sorting the questions for {wildcards.model} into stages"
    shell:
        "python -m sent curriculum"
        " --semantic-entropy {input.semantic_entropy:q}"
        " {params.previous:q}"
        " --settings {params.settings:q}"
        " --output {output.curriculum:q}"
        " > {log:q} 2>&1"


if not RECORDED:

    use rule sample as resample with:
        input:
            policy="results/{experiment}/train/{model}/{method}/seed{seed}/stage{stage}/policy",
            questions="results/{experiment}/data/train.parquet",
        output:
            samples=temp(
                "results/{experiment}/rescoring/{model}/{method}/seed{seed}/stage{stage}/samples.{scatteritem}.parquet"
            ),
        log:
            "results/{experiment}/logs/rescoring/{model}/{method}/seed{seed}/stage{stage}/sample.{scatteritem}.log",
        benchmark:
            "results/{experiment}/benchmarks/rescoring/{model}/{method}/seed{seed}/stage{stage}/sample.{scatteritem}.tsv"

    use rule gather_samples as regather_samples with:
        input:
            shards=gather.sampling(
                "results/{{experiment}}/rescoring/{{model}}/{{method}}/seed{{seed}}/stage{{stage}}/samples.{scatteritem}.parquet"
            ),
        output:
            samples="results/{experiment}/rescoring/{model}/{method}/seed{seed}/stage{stage}/samples.parquet",
        log:
            "results/{experiment}/logs/rescoring/{model}/{method}/seed{seed}/stage{stage}/gather.log",
        benchmark:
            "results/{experiment}/benchmarks/rescoring/{model}/{method}/seed{seed}/stage{stage}/gather.tsv"

    use rule grade as regrade with:
        input:
            questions="results/{experiment}/data/train.parquet",
            samples="results/{experiment}/rescoring/{model}/{method}/seed{seed}/stage{stage}/samples.parquet",
        output:
            verdicts="results/{experiment}/rescoring/{model}/{method}/seed{seed}/stage{stage}/verdicts.parquet",
        log:
            "results/{experiment}/logs/rescoring/{model}/{method}/seed{seed}/stage{stage}/grade.log",
        benchmark:
            "results/{experiment}/benchmarks/rescoring/{model}/{method}/seed{seed}/stage{stage}/grade.tsv"

    use rule measure_semantic_entropy as remeasure_semantic_entropy with:
        input:
            questions="results/{experiment}/data/train.parquet",
            samples="results/{experiment}/rescoring/{model}/{method}/seed{seed}/stage{stage}/samples.parquet",
            verdicts="results/{experiment}/rescoring/{model}/{method}/seed{seed}/stage{stage}/verdicts.parquet",
            nli=entailment_model,
        output:
            clusters="results/{experiment}/rescoring/{model}/{method}/seed{seed}/stage{stage}/clusters.parquet",
            semantic_entropy="results/{experiment}/rescoring/{model}/{method}/seed{seed}/stage{stage}/semantic_entropy.parquet",
            calibration="results/{experiment}/rescoring/{model}/{method}/seed{seed}/stage{stage}/calibration.parquet",
            page="results/{experiment}/rescoring/{model}/{method}/seed{seed}/stage{stage}/clusters.html",
        log:
            "results/{experiment}/logs/rescoring/{model}/{method}/seed{seed}/stage{stage}/measure.log",
        benchmark:
            "results/{experiment}/benchmarks/rescoring/{model}/{method}/seed{seed}/stage{stage}/measure.tsv"

    use rule sort_questions as resort_questions with:
        input:
            semantic_entropy="results/{experiment}/rescoring/{model}/{method}/seed{seed}/stage{stage}/semantic_entropy.parquet",
            previous=curriculum_of,
        output:
            curriculum="results/{experiment}/rescoring/{model}/{method}/seed{seed}/stage{stage}/curriculum.parquet",
        log:
            "results/{experiment}/logs/rescoring/{model}/{method}/seed{seed}/stage{stage}/sort.log",
        benchmark:
            "results/{experiment}/benchmarks/rescoring/{model}/{method}/seed{seed}/stage{stage}/sort.tsv"
        params:
            previous=lambda wildcards, input: ["--previous", input.previous, "--after-stage", wildcards.stage],
            settings=settings("curriculum"),
            science=science("curriculum"),
            code=code_version("curriculum"),

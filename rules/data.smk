"""Questions to train on and to evaluate with.

Inputs: hub datasets, local files, generated families or recorded responses, as the experiment says.
Outputs: results/{experiment}/data/train.parquet, data/dropped.tsv, data/held_out.parquet (without
    `probe` a table of no questions), data/probe.parquet, data/benchmarks/{benchmark}.parquet
"""


rule data:
    input:
        of_experiment("results/{experiment}/data/train.parquet") if EXPERIMENT.sampled else [],
        of_experiment(
            "results/{experiment}/data/benchmarks/{benchmark}.parquet", benchmark=EXPERIMENT.benchmarks
        ),
        of_experiment("results/{experiment}/data/probe.parquet") if EXPERIMENT.experiment.probe else [],


rule read_questions:
    input:
        source=training_file,
        exclude=excluded_benchmarks,
        probe=probe_file,
    output:
        questions="results/{experiment}/data/train.parquet",
        dropped="results/{experiment}/data/dropped.tsv",
        held_out="results/{experiment}/data/held_out.parquet",
    log:
        "results/{experiment}/logs/data/train.log",
    benchmark:
        "results/{experiment}/benchmarks/data/train.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        origin="recorded" if RECORDED else "source",
        source=lambda wildcards: EXPERIMENT.training_source(),
        exclude=optional("--exclude", "exclude"),
        probe=lambda wildcards: ["--probe", EXPERIMENT.held_out()] if EXPERIMENT.experiment.probe else [],
        code=code_version("data"),
    message:
        "Reading the training questions"
    shell:
        "python -m sent data"
        " --{params.origin} {params.source:q}"
        " {params.exclude:q}"
        " {params.probe:q}"
        " --output {output.questions:q}"
        " --dropped {output.dropped:q}"
        " --held-out {output.held_out:q}"
        " > {log:q} 2>&1"


rule read_benchmark:
    input:
        source=benchmark_file,
    output:
        questions="results/{experiment}/data/benchmarks/{benchmark}.parquet",
    log:
        "results/{experiment}/logs/data/benchmarks/{benchmark}.log",
    benchmark:
        "results/{experiment}/benchmarks/data/benchmarks/{benchmark}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        source=lambda wildcards: EXPERIMENT.source(wildcards.benchmark),
        code=code_version("data"),
    message:
        "Reading the benchmark {wildcards.benchmark}"
    shell:
        "python -m sent data" " --source {params.source:q}" " --output {output.questions:q}" " > {log:q} 2>&1"


rule read_probe:
    input:
        held_out="results/{experiment}/data/held_out.parquet",
        benchmarks=of_experiment(
            "results/{{experiment}}/data/benchmarks/{benchmark}.parquet", benchmark=EXPERIMENT.benchmarks
        ),
    output:
        probe_questions="results/{experiment}/data/probe.parquet",
        dropped="results/{experiment}/data/probe_dropped.tsv",
    log:
        "results/{experiment}/logs/data/probe.log",
    benchmark:
        "results/{experiment}/benchmarks/data/probe.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        source=lambda wildcards, input: json.dumps({"path": input.held_out, "fields": {"id": "question_id"}}),
        exclude=optional("--exclude", "benchmarks"),
        code=code_version("data"),
    message:
        "Reading the probe's questions, without those that stand in a benchmark"
    shell:
        "python -m sent data"
        " --source {params.source:q}"
        " {params.exclude:q}"
        " --output {output.probe_questions:q}"
        " --dropped {output.dropped:q}"
        " > {log:q} 2>&1"

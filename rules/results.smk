"""The database of everything measured, and what is made from it.

Inputs: all tables of results/{experiment}/
Outputs: results/{experiment}/results.duckdb, tables/, figures/, report.html, report.rst (what `snakemake --report`
    opens with)
"""


rule results:
    input:
        of_experiment("results/{experiment}/results.duckdb"),
        of_experiment("results/{experiment}/tables"),
        of_experiment("results/{experiment}/figures"),
        of_experiment("results/{experiment}/report.html"),
        of_experiment("results/{experiment}/report.rst"),


rule build_database:
    input:
        rules.data.input,
        rules.models.input,
        rules.sampling.input,
        rules.grading.input,
        rules.semantic_entropy.input,
        rules.curriculum.input,
        metrics=all_stages(
            "results/{experiment}/train/{model}/{method}/seed{seed}/stage{stage}/metrics.parquet"
        ),
        rollouts=all_stages(
            "results/{experiment}/train/{model}/{method}/seed{seed}/stage{stage}/rollouts.parquet"
        ),
        probes=all_stages("results/{experiment}/train/{model}/{method}/seed{seed}/stage{stage}/probe.parquet"),
        summaries=all_stages("results/{experiment}/train/{model}/{method}/seed{seed}/stage{stage}/train.json"),
        evaluation=rules.evaluation.input,
    output:
        database="results/{experiment}/results.duckdb",
    log:
        "results/{experiment}/logs/results/database.log",
    benchmark:
        "results/{experiment}/benchmarks/results/database.tsv"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        # With resources, which are not tracked: how jobs run is written down, but repeats nothing.
        experiment=lambda wildcards, resources: EXPERIMENT.json(),
        reported=lambda wildcards: EXPERIMENT.reported(),
        root=lambda wildcards, output: str(Path(output.database).parent),
        code=code_version("results"),
    message:
        "Building the database of {wildcards.experiment}"
    shell:
        "python -m sent results database"
        " --experiment {params.experiment:q}"
        " --root {params.root:q}"
        " --output {output.database:q}"
        " > {log:q} 2>&1"


rule write_tables:
    input:
        database="results/{experiment}/results.duckdb",
    output:
        tables=report(
            directory("results/{experiment}/tables"),
            patterns=["{table}.csv"],
            caption="../workflow/report/tables.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
    log:
        "results/{experiment}/logs/results/tables.log",
    benchmark:
        "results/{experiment}/benchmarks/results/tables.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        run=caption_values,
        code=code_version("results"),
    message:
        "Writing the tables of {wildcards.experiment}"
    shell:
        "python -m sent results tables"
        " --database {input.database:q}"
        " --output {output.tables:q}"
        " > {log:q} 2>&1"


rule draw_figures:
    input:
        database="results/{experiment}/results.duckdb",
    output:
        figures=report(
            directory("results/{experiment}/figures"),
            patterns=["{figure}.svg"],
            caption="../workflow/report/figures.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
    log:
        "results/{experiment}/logs/results/figures.log",
    benchmark:
        "results/{experiment}/benchmarks/results/figures.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        run=caption_values,
        code=code_version("results"),
    message:
        "Drawing the figures of {wildcards.experiment}"
    shell:
        "python -m sent results figures"
        " --database {input.database:q}"
        " --output {output.figures:q}"
        " > {log:q} 2>&1"


rule write_report:
    input:
        database="results/{experiment}/results.duckdb",
        tables="results/{experiment}/tables",
        figures="results/{experiment}/figures",
    output:
        report=report(
            "results/{experiment}/report.html",
            caption="../workflow/report/report.rst",
            category="Report",
            labels={"page": "everything about the experiment"},
        ),
        opening="results/{experiment}/report.rst",
    log:
        "results/{experiment}/logs/results/report.log",
    benchmark:
        "results/{experiment}/benchmarks/results/report.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_version("results"),
    message:
        "Writing the report of {wildcards.experiment}"
    shell:
        "python -m sent results report"
        " --database {input.database:q}"
        " --tables {input.tables:q}"
        " --figures {input.figures:q}"
        " --output {output.report:q}"
        " --opening {output.opening:q}"
        " > {log:q} 2>&1"

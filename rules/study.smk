"""The nano study's page, from what was measured and packed into docs/study/. Not part of `rule all`: ask for `study_page`.

Inputs: docs/study/{part}/, which `python -m sent results pack` writes from the database of an experiment
Outputs: results/study_page/{part}/results.duckdb, figures/, tables/; the tables and pictures of docs/nano-study.md
"""

PARTS = sorted(path.parent.name for path in ROOT.glob("docs/study/*/experiment.parquet")) if ROOT else []


rule unpack_study:
    input:
        packed="docs/study/{part}/experiment.parquet",
    output:
        database="results/study_page/{part}/results.duckdb",
        tables=directory("results/study_page/{part}/tables"),
        figures=directory("results/study_page/{part}/figures"),
    log:
        "results/study_page/logs/{part}.log",
    benchmark:
        "results/study_page/benchmarks/{part}.tsv"
    wildcard_constraints:
        part=one_of(PARTS),
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        packed=lambda wildcards, input: Path(input.packed).parent,
        code=code_version("results"),
    message:
        "Database, tables and figures of the nano study's {wildcards.part}"
    shell:
        "(python -m sent results unpack {params.packed:q} --output {output.database:q}"
        " && python -m sent results tables --database {output.database:q} --output {output.tables:q}"
        " && python -m sent results figures --database {output.database:q} --output {output.figures:q}"
        ") > {log:q} 2>&1"


rule study_page:
    input:
        databases=expand("results/study_page/{part}/results.duckdb", part=PARTS),
    log:
        "results/study_page/logs/page.log",
    benchmark:
        "results/study_page/benchmarks/page.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        # Rewritten in place: as an output it would be deleted before the job starts.
        page="docs/nano-study.md",
        databases=lambda wildcards, input: Path(input.databases[0]).parent.parent,
        code=code_version("results"),
    message:
        "Putting what was measured into the page of the nano study"
    shell:
        "python -m sent results page {params.page:q}" " --databases {params.databases:q}" " > {log:q} 2>&1"

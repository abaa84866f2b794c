"""What the README shows, from a run of the experiment `nano`. Not part of `rule all`: ask for `readme_pictures`.

Inputs: results/nano/results.duckdb, figures/
Outputs: docs/pictures/; the leaderboard in README.md, between its marks
"""


rule readme_pictures:
    input:
        database="results/nano/results.duckdb",
        figures="results/nano/figures",
    output:
        training_curves="docs/pictures/training_curves.svg",
        pass_at_k="docs/pictures/pass_at_k.svg",
    log:
        "results/nano/logs/results/readme.log",
    benchmark:
        "results/nano/benchmarks/results/readme.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        # Rewritten in place: as an output it would be deleted before the job starts.
        readme="README.md",
        pictures=lambda wildcards, output: Path(output.pass_at_k).parent,
        code=code_version("results"),
    message:
        "Putting the pictures and the leaderboard of nano into the README"
    shell:
        "python -m sent results readme"
        " --database {input.database:q}"
        " --figures {input.figures:q}"
        " --pictures {params.pictures:q}"
        " --readme {params.readme:q}"
        " > {log:q} 2>&1"

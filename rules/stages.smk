"""Refuses the name of a stage after `--forcerun` and `--omit-from`, which Snakemake would follow without effect.

A stage's name is a target, which makes no file that could be made again or left out; its rules do.
Inputs: the command line. Outputs: none.
"""


def rules_not_stages(wildcards):
    """Return no input; raise an error that names the rules of a stage where its name stands in their place."""
    given = {"--forcerun": workflow.dag_settings.forcerun, "--omit-from": workflow.dag_settings.omit_from}
    for flag, names in given.items():
        for target in workflow.rules:
            stage = re.search(r"(\w+)\.smk|$", str(target.snakefile))[1]
            if stage and target.name in names and target.name.endswith(stage) and not target.output:
                same_file = [other for other in workflow.rules if other.snakefile == target.snakefile]
                makers = " ".join(other.name for other in same_file if other.output)
                raise WorkflowError(
                    f"{flag} {target.name}: a stage's name is a target; name its rules instead, all or some: "
                    f"{flag} {makers}"
                )
    return []

"""SENT: semantic and token entropy for reinforcement learning with verifiable rewards.

    snakemake --cores all                                      the embedded experiment, config/config.yaml
    snakemake --cores all --configfile config/smoke.yaml       another experiment
    snakemake --cores all semantic_entropy                     one stage and what it needs

Stages in the order in which data flow; each is also the name of a target, a rule file and a folder of
workflow/sent/.
"""

from snakemake.utils import min_version

min_version("9.27")


# An experiment given by --configfile must not inherit the default one's values, nor write into its results.
if not workflow.overwrite_configfiles and not (
    "experiment" in config and {"models", "recorded"} & config.keys()
):

    configfile: workflow.source_path("config/config.yaml")


# Used by --software-deployment-method apptainer; envs/README.md says how to build it.
container: "envs/sent.sif"


include: "rules/common.smk"
include: "rules/inputs.smk"
include: "rules/resources.smk"


# Before the rules: with a storage provider, paths are read when a rule is defined.
wildcard_constraints:
    experiment=EXPERIMENT.name,
    model=one_of(EXPERIMENT.models),
    nli=one_of(EXPERIMENT.nli_models),
    method=one_of(EXPERIMENT.experiment.methods),
    benchmark=one_of(EXPERIMENT.benchmarks),
    curriculum=one_of(EXPERIMENT.curricula),
    seed=r"\d+",
    stage=r"\d+",
    state=rf"({one_of(EXPERIMENT.models)})(/({one_of(EXPERIMENT.experiment.methods)})/seed\d+/stage\d+)?",


include: "rules/data.smk"
include: "rules/models.smk"
include: "rules/sampling.smk"
include: "rules/grading.smk"
include: "rules/semantic_entropy.smk"
include: "rules/curriculum.smk"
include: "rules/training.smk"
include: "rules/evaluation.smk"
include: "rules/results.smk"
include: "rules/readme.smk"
include: "rules/study.smk"
include: "rules/stages.smk"


# Snakemake reads the signature of every function of params three times a job; one that is written down is found at once.
for _rule in workflow.rules:
    for _function in filter(callable, _rule.params):
        _function.__signature__ = inspect.signature(_function)


report: opening_of_report()


rule all:
    default_target: True
    input:
        rules.results.input,
        rules_not_stages,

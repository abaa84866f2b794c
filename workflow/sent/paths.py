"""Where everything lies below results/{experiment}/: the files of every rule, and the jobs of an experiment.

The rules say the same paths literally, so that a search finds what makes a file; tests/workflow/test_paths.py holds both
equal. `state` is a policy on its way: {model} untrained, or {model}/{method}/seed{seed}/stage{stage}.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sent.experiment import ResolvedExperiment

DATABASE = "results.duckdb"


@dataclass(frozen=True)
class Rule:
    """Files of a rule: ``job`` names its log and its benchmark, ``outputs`` are patterns by their names in the rule."""

    job: str
    outputs: dict[str, str]


STAGE = "train/{model}/{method}/seed{seed}/stage{stage}"
POLICY = "evaluation/{model}/{method}/seed{seed}"
RULES = {
    "read_questions": Rule(
        "data/train",
        {
            "questions": "data/train.parquet",
            "dropped": "data/dropped.tsv",
            "held_out": "data/held_out.parquet",
        },
    ),
    "read_probe": Rule(
        "data/probe", {"probe_questions": "data/probe.parquet", "dropped": "data/probe_dropped.tsv"}
    ),
    "read_benchmark": Rule(
        "data/benchmarks/{benchmark}", {"questions": "data/benchmarks/{benchmark}.parquet"}
    ),
    "prepare_model": Rule("models/{model}", {"model": "models/{model}"}),
    "prepare_nli": Rule("models/nli/{nli}", {"model": "models/nli/{nli}"}),
    "import_samples": Rule("sampling/{state}", {"samples": "samples/{state}.parquet"}),
    "sample": Rule("sampling/{state}.{scatteritem}", {"samples": "samples/{state}.{scatteritem}.parquet"}),
    "gather_samples": Rule("sampling/{state}", {"samples": "samples/{state}.parquet"}),
    "grade": Rule("grading/{state}", {"verdicts": "verdicts/{state}.parquet"}),
    "measure_semantic_entropy": Rule(
        "semantic_entropy/{state}",
        {
            "clusters": "clusters/{state}.parquet",
            "semantic_entropy": "semantic_entropy/{state}.parquet",
            "calibration": "calibration/{state}.parquet",
            "page": "semantic_entropy/{state}.html",
        },
    ),
    "sort_questions": Rule(
        "curriculum/{state}/{curriculum}", {"curriculum": "curriculum/{state}/{curriculum}.parquet"}
    ),
    "train": Rule(
        STAGE.replace("train/", "training/", 1),
        {
            "policy": f"{STAGE}/policy",
            "metrics": f"{STAGE}/metrics.parquet",
            "rollouts": f"{STAGE}/rollouts.parquet",
            "probe": f"{STAGE}/probe.parquet",
            "summary": f"{STAGE}/train.json",
        },
    ),
    "evaluate": Rule(f"{POLICY}/sample", {"responses": f"{POLICY}/responses.parquet"}),
    "grade_responses": Rule(f"{POLICY}/grade", {"response_verdicts": f"{POLICY}/verdicts.parquet"}),
    "build_database": Rule("results/database", {"database": DATABASE}),
    "write_tables": Rule("results/tables", {"tables": "tables"}),
    "draw_figures": Rule("results/figures", {"figures": "figures"}),
    "write_report": Rule("results/report", {"report": "report.html", "opening": "report.rst"}),
}


class State(NamedTuple):
    """A policy on its way: a model before training, or after a stage of a method's training with a seed."""

    model: str
    method: str | None = None
    seed: int = 0
    stage: int = 0

    def __str__(self) -> str:
        return f"{self.model}/{self.method}/seed{self.seed}/stage{self.stage}" if self.stage else self.model

    @classmethod
    def parse(cls, text: str) -> "State":
        """Read the wildcard `state`."""
        model, *trained = text.split("/")
        if not trained:
            return cls(model)
        method, seed, stage = trained
        return cls(model, method, int(seed.removeprefix("seed")), int(stage.removeprefix("stage")))


@dataclass(frozen=True)
class Job:
    """A rule with its wildcards."""

    rule: str
    wildcards: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of its log and benchmark: stage/..."""
        return RULES[self.rule].job.format(**self.wildcards)

    @property
    def stage(self) -> str:
        """The stage that the rule belongs to."""
        return self.name.partition("/")[0]

    @property
    def log(self) -> str:
        """Path of what it prints."""
        return f"logs/{self.name}.log"

    @property
    def benchmark(self) -> str:
        """Path of the seconds and memory that Snakemake measures."""
        return f"benchmarks/{self.name}.tsv"

    @property
    def outputs(self) -> dict[str, str]:
        """Paths of what it makes, by their names in the rule."""
        return {name: pattern.format(**self.wildcards) for name, pattern in RULES[self.rule].outputs.items()}


def jobs(experiment: ResolvedExperiment) -> list[Job]:
    """Return the jobs of an experiment in the order of the stages; those of `sample` are parts of `gather_samples`."""
    return [Job(rule, wildcards) for rule, wildcards in _jobs(experiment)]


def scored_states(experiment: ResolvedExperiment) -> list[State]:
    """Return the states whose semantic entropy is measured: untrained, and where a curriculum is sorted anew."""
    return [
        *(State(model) for model in experiment.sampled),
        *(
            state
            for state in _trained(experiment)
            if state.method and experiment.sorts_anew(state.model, state.method, state.stage)
        ),
    ]


def _trained(experiment: ResolvedExperiment) -> list[State]:
    return [
        State(model, method, seed, stage)
        for model in experiment.models
        for method in experiment.trained
        for seed in experiment.experiment.seeds
        for stage in range(1, experiment.stages(model, method) + 1)
    ]


def _jobs(experiment: ResolvedExperiment) -> Iterator[tuple[str, dict[str, Any]]]:
    settings, is_recorded = experiment.experiment, experiment.experiment.recorded is not None
    if experiment.sampled:
        yield "read_questions", {}
    yield from (("read_benchmark", {"benchmark": name}) for name in experiment.benchmarks)
    if settings.probe is not None:
        yield "read_probe", {}
    if not is_recorded:
        yield from (("prepare_model", {"model": name}) for name in experiment.models)
    yield from (("prepare_nli", {"nli": name}) for name in experiment.nli_models)
    states = scored_states(experiment)
    for state in states:
        yield "import_samples" if is_recorded else "gather_samples", {"state": state}
    for rule in ("grade", "measure_semantic_entropy"):
        yield from ((rule, {"state": state}) for state in states)
    for state in states:
        followed = [experiment.methods[state.method].curriculum] if state.method else experiment.curricula
        yield from (("sort_questions", {"state": state, "curriculum": name}) for name in followed)
    yield from (("train", state._asdict()) for state in _trained(experiment))
    if experiment.benchmarks:
        for model in experiment.models:
            for method in settings.methods:
                for seed in settings.seeds:
                    for rule in ("evaluate", "grade_responses"):
                        yield rule, {"model": model, "method": method, "seed": seed}
    yield from ((rule, {}) for rule in ("build_database", "write_tables", "draw_figures", "write_report"))

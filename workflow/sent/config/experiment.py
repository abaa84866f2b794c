"""A whole experiment."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sent.config.base import Changes, Name, Settings
from sent.config.data import Data, Recorded
from sent.config.evaluation import Evaluation
from sent.config.grading import Grading
from sent.config.probe import Probe
from sent.config.results import Results
from sent.config.sampling import Sampling
from sent.config.semantic_entropy import SemanticEntropy
from sent.config.training import Method, Part, Training

RESERVED = {"main", "temp", "system", "memory", "information_schema", "pg_catalog"}
"""Names that DuckDB has databases or schemas of its own under."""

BASELINE = "grpo"
"""What methods are compared with where an experiment does not say."""


class Experiment(Settings):
    """An experiment file: picks from the registries by name and sets sizes."""

    experiment: Name = Field(description="its name, and that of its folder under results/")
    models: list[Name] = Field(
        [],
        description="policies to run, names in models.yaml; those of `recorded.path` where it lists models",
    )
    methods: list[Name] = Field([], description="names in methods.yaml; `base` is the untrained policy")
    baselines: list[Name] = Field(
        [BASELINE],
        description="methods that the others are compared with, by paired differences, as far as they are among `methods`; those "
        "to the first one stand in tables and figures",
    )
    benchmarks: list[Name] = Field([], description="names in benchmarks.yaml")
    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        [0], min_length=1, description="each method trains once with each seed"
    )
    data: Data | None = Field(
        None, description="questions to train on; none for `recorded` responses, or to evaluate `base` alone"
    )
    recorded: Recorded | None = Field(None, description="responses that you already have, instead of `data`")
    sampling: Sampling = Field(
        Sampling(), description="responses of the initial policy, for semantic entropy"
    )
    grading: Grading = Field(
        Grading(), description="how answers are compared, which is the reward of training, too"
    )
    semantic_entropy: SemanticEntropy = Field(
        SemanticEntropy(), description="how responses are clustered by meaning"
    )
    curricula: list[Name] = Field(
        ["semantic_entropy"],
        description="orders of the questions to make beside those that the methods follow, names in curricula.yaml",
    )
    training: Training = Field(Training(), description="reinforcement learning with verifiable rewards")
    methods_share: Annotated[Method, Changes] = Field(
        Method(),
        description="keys that all methods have alike, over their entries, but for those that an entry `keeps`: "
        "{aggregation: token_mean, reference_kl: 0}",
    )
    allow_own_code: bool = Field(
        False, description="your word that parts of methods that are `package.module:function` may run"
    )
    probe: Probe | None = Field(
        None, description="questions asked of every method while it trains, see docs/training.md; null: none"
    )
    evaluation: Evaluation = Field(Evaluation(), description="how policies answer the benchmarks")
    results: Results = Field(Results(), description="how results are summed up")
    overrides: dict[Name, dict[Name, Any]] = Field(
        {}, description="changes for one model: {model: {training: {lr: 1e-4}}}"
    )
    registry: dict[Literal["models", "methods", "benchmarks", "curricula"], dict[Name, Any]] = Field(
        {}, description="registry entries of your own, beside those in the registry files"
    )

    @field_validator("experiment")
    @classmethod
    def _is_no_database_of_duckdb(cls, name: str) -> str:
        if name.lower() in RESERVED:
            raise ValueError("this name means something else to the database; choose another")
        return name

    @field_validator("benchmarks")
    @classmethod
    def _are_no_other_rows(cls, names: list[str]) -> list[str]:
        if taken := sorted({"train", "probe", "average"} & {name.lower() for name in names}):
            raise ValueError(
                f"{taken[0]} means something else in the database; give the benchmark another name"
            )
        return names

    @field_validator("methods_share")
    @classmethod
    def _is_no_idea(cls, share: Method) -> Method:
        parts = {key for key, field in Method.model_fields.items() if field.annotation is Part} - {"reward"}
        if found := sorted(share.model_fields_set & (parts | Method.REPORT)):
            raise ValueError(f"methods cannot share '{found[0]}'")
        return share

    @property
    def benchmark_grading(self) -> Grading:
        """How responses to benchmarks are graded."""
        return self.evaluation.grading or self.grading

    @model_validator(mode="after")
    def _has_questions(self) -> Self:
        if not self.models:
            raise ValueError("`models` is empty; name one policy or more")
        files = self.recorded.path if self.recorded else None
        if isinstance(files, dict) and (unknown := sorted(set(self.models) - set(files))):
            raise ValueError(f"`recorded.path` has no file of {', '.join(unknown)}, which `models` names")
        if self.data is not None and self.recorded is not None:
            raise ValueError(
                "give one of `data` (questions to train on) and `recorded` (responses you already have), found both"
            )
        if self.data is None and self.recorded is None and not (self.methods == ["base"] and self.benchmarks):
            raise ValueError(
                "give one of `data` (questions to train on) and `recorded` (responses you already have), or only "
                "evaluate: `methods: [base]` and `benchmarks`"
            )
        return self

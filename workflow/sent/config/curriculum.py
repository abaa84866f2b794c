"""How questions are sorted into stages."""

from typing import Literal, Self

from pydantic import Field, model_validator

from sent.config.base import Label, Settings


class Adaptive(Settings):
    """A target of difficulty that follows the rewards (AdaRFT): each step asks the questions nearest to it.

    Difficulties and the target are shares of responses that are not right, 0 to 1.
    """

    start: float = Field(0.0, ge=0, le=1, description="target of the first step")
    rate: float = Field(0.5, gt=0, le=1, description="furthest that one step moves it")
    sensitivity: float = Field(2.0, gt=0, description="how steeply the move follows the rewards")
    aim: float = Field(0.5, ge=0, le=1, description="mean reward at which the target stays where it is")


class Curriculum(Settings):
    """A registry entry of config/curricula.yaml: an order of the questions. The defaults are nearest to SENT: two stages
    by discrete semantic entropy.
    """

    REPORT = frozenset({"label"})

    label: Label | None = Field(None, description="name in tables and figures")
    n_stages: int = Field(
        2, ge=1, le=1000, description="stages that training goes through, one after the other"
    )
    score: Literal[
        "semantic_entropy",
        "rao_blackwell",
        "normalised",
        "miller_madow",
        "chao_shen",
        "n_clusters",
        "error_rate",
        "mean_tokens",
    ] = Field(
        "semantic_entropy",
        description="what questions are sorted by: an estimator of semantic entropy, the number of clusters, the share of "
        "responses that are not right, or their mean length",
    )
    order: Literal["ascending", "reverse", "random"] = Field(
        "ascending",
        description="low scores first; reverse and random are controls with stages of the same sizes",
    )
    boundaries: Literal["quantile", "value", "cluster_count"] = Field(
        "quantile",
        description="what `cuts` are: shares of the questions, values of the score, numbers of clusters",
    )
    cuts: list[float] | None = Field(
        None,
        description="upper ends of all stages but the last, ascending; default: stages of equal size (quantile)",
    )
    consistently_wrong: Literal["hardest", "plain"] = Field(
        "hardest",
        description="questions of entropy 0 and accuracy 0: sorted behind all others and never in the easiest stage, "
        "or left in plain order, as the paper has it",
    )
    drop: list[Literal["all_wrong", "all_correct", "zero_entropy"]] = Field(
        [], description="questions to leave out of training: accuracy 0, accuracy 1, semantic entropy 0"
    )
    shuffle: bool = Field(
        True,
        description="training shuffles a stage's questions in every epoch, by its seed; false: as they are sorted",
    )
    rehearsal: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the questions of earlier stages that come again in each later stage",
    )
    rescore: bool = Field(
        False,
        description="sample again after a stage, with the policy as it is then, and sort what is left anew",
    )
    adaptive: Adaptive | None = Field(
        None,
        description="one stage without an order of its own: each step asks what is nearest to a target that follows the "
        "rewards; null: none",
    )
    seed: int = Field(0, description="of the random order and of the choice of rehearsed questions")

    @model_validator(mode="after")
    def _adaptive_fits(self) -> Self:
        if self.adaptive and (self.score, self.n_stages, self.shuffle) != ("error_rate", 1, True):
            raise ValueError("adaptive needs `score: error_rate`, `n_stages: 1` and `shuffle: true`")
        return self

    @model_validator(mode="after")
    def _cuts_fit(self) -> Self:
        if self.cuts is None:
            if self.boundaries != "quantile" and self.n_stages > 1:
                raise ValueError(
                    f"boundaries '{self.boundaries}' need cuts: {self.n_stages - 1} ascending numbers"
                )
            return self
        if len(self.cuts) != self.n_stages - 1 or any(
            a >= b for a, b in zip(self.cuts, self.cuts[1:], strict=False)
        ):
            raise ValueError(
                f"{self.n_stages} stages need {self.n_stages - 1} ascending cuts, found {self.cuts}"
            )
        if self.boundaries == "quantile" and not all(0 < cut < 1 for cut in self.cuts):
            raise ValueError(f"quantile cuts are shares between 0 and 1, found {self.cuts}")
        return self

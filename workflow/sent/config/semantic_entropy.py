"""How responses are clustered by meaning."""

from typing import Literal, Self

from pydantic import Field, model_validator

from sent.config.backends import ENTAILMENT
from sent.config.base import Name, Settings
from sent.config.grading import PHRASES, THINKING_TAGS


class SemanticEntropy(Settings):
    """Stage `semantic_entropy`."""

    OPERATION = frozenset({"batch_tokens", "processes"})

    entailment: Literal[tuple(ENTAILMENT)] = Field(  # type: ignore[valid-type] # made of a table
        "hybrid",
        description="what judges two answers; hybrid: exact, then math_verify, then nli for answers in words",
    )
    nli_model: Name | None = Field(None, description="registry name of the entailment (or embedding) model")
    criterion: Literal["strict", "non_strict"] = Field(
        "strict", description="strict: both directions entail; non_strict: none contradicts, not both neutral"
    )
    answer_phrases: list[str] = Field(
        PHRASES,
        description="of responses of your own without a box: the answer is what the last of these announces",
    )
    thinking_tags: dict[str, str] = Field(
        THINKING_TAGS, description="of responses of your own: what opens thinking -> what closes it"
    )
    template: str = Field(
        "{question} The answer is {answer}.",
        description="what the entailment model reads; `{question}` and `{answer}` are replaced, nothing else",
    )
    batch_tokens: int = Field(
        16384, ge=1, description="pairs x longest length in one batch of the entailment model"
    )
    precision: Literal["auto", "float32", "float16", "bfloat16"] = Field(
        "auto", description="of the entailment model; auto: bfloat16 on a GPU, else float32"
    )
    processes: int = Field(
        1, ge=1, description="processes (one a GPU, where there are GPUs) that pairs are split over"
    )
    cosine_threshold: float = Field(
        0.9, ge=-1, le=1, description="embedding: as similar as this is the same meaning"
    )
    unparsable: Literal["singleton", "pooled", "dropped"] = Field(
        "singleton",
        description="how responses without an answer count: each a meaning, all one meaning, not at all",
    )
    bootstrap: int = Field(1000, ge=2, description="resamples for the standard error of semantic entropy")
    calibration_pairs: int = Field(
        500,
        ge=0,
        description="pairs that both the entailment model and math_verify judge, for a confusion table",
    )
    seed: int = Field(0, description="of the bootstrap and of the choice of calibration pairs")

    @model_validator(mode="after")
    def _template_names_the_answer(self) -> Self:
        if "{answer}" not in self.template:
            raise ValueError(f"template must hold {{answer}}, found {self.template!r}")
        return self

"""Where questions and recorded responses come from."""

import re
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from sent.config.base import Name, Settings


class Hub(Settings):
    """A repository on the Hugging Face hub."""

    repo: str = Field(description="owner/name")
    revision: str | None = Field(None, description="commit or tag; pin it for a run that others can repeat")
    subset: str | None = Field(None, description="dataset configuration name")
    split: str = Field("train", description="dataset split")


class Generator(Settings):
    """Questions of the embedded arithmetic families."""

    families: list[str] = Field(min_length=1, description="problem families, see sent/data/arithmetic.py")
    split: Literal["train", "benchmark"] = Field("train", description="the two splits never share a question")
    count: int = Field(200, ge=1, description="number of questions")
    levels: list[int] = Field(
        [1, 2, 3],
        min_length=1,
        description="difficulty levels, 1 to 6 (equation and sequence: to 3), mixed evenly; the embedded models know 1 to 3",
    )
    seed: int = Field(0, description="another seed makes other questions")


class ReasoningGym(Settings):
    """Questions of the package reasoning-gym (`pip install 'sent-rlvr[reasoning]'`), made without download."""

    families: dict[str, dict[str, Any]] = Field(
        min_length=1, description="its data sets by name, with options of each: {chain_sum: {max_terms: 4}}"
    )
    count: int = Field(200, ge=1, description="number of questions, the families taking turns")
    seed: int = Field(0, description="another seed makes other questions; some may be the same")


PRESETS = ("lm_eval", "lighteval", "openai_batch", "vllm_batch", "trl", "verl", "qwen_math")
"""Functions of sent/data/presets.py."""

AnyField = Literal[  # type: ignore[valid-type] # made of a table
    *("id", "question", "answer", "group", "tolerance", "responses", "prediction"),
    *("logprobs", "tokens", "correct", "finish_reason", "model"),
]


class RowFormat(Settings):
    """How the rows of a file are read, whatever wrote them."""

    fields: dict[AnyField, str] = Field(  # type: ignore[valid-type]
        {},
        description="column of each field where it differs; dots reach into nested values and `*` takes every entry of "
        "a list (choices.*.message.content); `responses`: a list or one a row; `logprobs`: per response a sum or a list "
        "of token log-probabilities; `correct`: recorded verdicts to compare ours with; `tolerance`: absolute error "
        "allowed in the answer to that question",
    )
    preset: Literal[PRESETS] | None = Field(  # type: ignore[valid-type] # made of a table
        None, description="the tool that wrote the file, see docs/recorded.md; `fields` go before it"
    )
    answer_after: str | None = Field(
        None,
        description="regular expression: the gold answer is what follows its last match, such as `####` in GSM8K",
    )
    on_missing: Literal["error", "drop"] = Field(
        "error",
        description="rows without a question, answer or responses: an error that names them, or left out and listed",
    )

    @model_validator(mode="after")
    def _answer_after_is_a_pattern(self) -> Self:
        try:
            re.compile(self.answer_after or "")
        except re.error as error:
            raise ValueError(f"answer_after is no regular expression ({error})") from None
        return self


class Source(RowFormat):
    """Where questions come from: exactly one of `hub`, `path`, `generator` and `reasoning_gym`."""

    REPORT = frozenset({"licence"})

    hub: Hub | None = Field(None, description="a dataset on the Hugging Face hub")
    path: str | None = Field(
        None,
        min_length=1,
        description="local file of rows, or a folder of them: JSON Lines, JSON, Parquet, CSV or TSV",
    )
    generator: Generator | None = Field(None, description="questions of the embedded arithmetic families")
    reasoning_gym: ReasoningGym | None = Field(None, description="questions of the package reasoning-gym")
    prefix: str = Field(
        "", description="text cut from the start of every question, where a dataset wraps it in a prompt"
    )
    suffix: str = Field("", description="text cut from the end of every question")
    rows: int | None = Field(
        None, ge=1, description="expected number of questions; another count is an error"
    )
    limit: int | None = Field(None, ge=1, description="take only the first so many questions (for trials)")
    licence: str | None = Field(None, description="licence of the questions, for the record in the database")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [
            key for key in ("hub", "path", "generator", "reasoning_gym") if getattr(self, key) is not None
        ]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of hub, path, generator and reasoning_gym, found {given or 'none'}"
            )
        return self


class Data(Settings):
    """The training questions."""

    train: Source = Field(description="where they come from")
    exclude_benchmark_questions: bool = Field(
        False, description="drop training questions whose text stands in a benchmark, too"
    )


class Recorded(RowFormat):
    """Responses that models wrote: the experiment then runs on them."""

    path: str | dict[Name, str] = Field(
        description="file or folder of rows with question, answer and responses; {model: file} compares several models"
    )
    questions: Source | None = Field(
        None,
        description="where question and answer stand by `id`, if not beside the responses (batch output has neither)",
    )

    def paths(self, models: list[str]) -> dict[str, str]:
        """The file of each model."""
        return self.path if isinstance(self.path, dict) else dict.fromkeys(models, self.path)

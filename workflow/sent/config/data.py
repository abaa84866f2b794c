"""Where questions and recorded responses come from."""

from typing import Literal

from pydantic import Field, model_validator

from sent.config.base import Settings


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
    levels: list[int] = Field([1, 2, 3], min_length=1, description="difficulty levels, mixed evenly")
    seed: int = Field(0, description="another seed makes other questions")


class Source(Settings):
    """Where questions come from: exactly one of `hub`, `path` or `generator`."""

    REPORT = frozenset({"licence"})

    hub: Hub | None = Field(None, description="a dataset on the Hugging Face hub")
    path: str | None = Field(None, description="local .jsonl, .parquet or .csv file")
    generator: Generator | None = Field(None, description="questions of the embedded arithmetic families")
    fields: dict[Literal["id", "question", "answer", "group", "tolerance"], str] = Field(
        {},
        description="column of each field where it differs; dots reach into nested values (prompt.0.content); "
        "`tolerance`: absolute error allowed in the answer to that question",
    )
    prefix: str = Field(
        "", description="text cut from the start of every question, where a dataset wraps it in a prompt"
    )
    suffix: str = Field("", description="text cut from the end of every question")
    on_missing: Literal["error", "drop"] = Field(
        "error",
        description="rows without a question or answer: an error that names them, or left out and listed",
    )
    rows: int | None = Field(
        None, ge=1, description="expected number of questions; another count is an error"
    )
    limit: int | None = Field(None, ge=1, description="take only the first so many questions (for trials)")
    licence: str | None = Field(None, description="licence of the questions, for the record in the database")

    @model_validator(mode="after")
    def _one_origin(self):
        given = [key for key in ("hub", "path", "generator") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of hub, path and generator, found {given or 'none'}")
        return self


class Data(Settings):
    """The training questions."""

    train: Source = Field(description="where they come from")
    exclude_benchmark_questions: bool = Field(
        False, description="drop training questions whose text stands in a benchmark, too"
    )


class Recorded(Settings):
    """Responses that any model wrote, one JSON object a line: the experiment then runs on them."""

    path: str = Field(description="JSONL file: question, answer, responses[, logprobs]")
    fields: dict[Literal["id", "question", "answer", "responses", "logprobs", "tokens", "correct"], str] = (
        Field(
            {},
            description="key of each field where it differs; `logprobs`: per response a sum or a list of token "
            "log-probabilities; `correct`: recorded verdicts to compare ours with",
        )
    )

"""Benchmarks, and how policies answer them."""

from typing import Annotated

from pydantic import Field

from sent.config.base import Label, Settings
from sent.config.data import Source
from sent.config.grading import Grading
from sent.config.sampling import Backend, Decoding, Server, Vllm


class Benchmark(Settings):
    """A registry entry of config/benchmarks.yaml."""

    REPORT = frozenset({"label"})

    source: Source = Field(description="where its questions come from")
    label: Label | None = Field(None, description="name in tables and figures")


class Evaluation(Settings):
    """Stage `evaluation`."""

    OPERATION = frozenset({"batch_tokens"})
    REPORT = frozenset({"grading", "pass_at"})

    backend: Backend = Field(  # type: ignore[valid-type]
        "transformers", description="what samples, see docs/sampling.md"
    )
    n: int = Field(32, ge=1, description="responses a question")
    decoding: Decoding = Field(Decoding(max_new_tokens=8000), description="how responses are drawn")
    batch_tokens: int = Field(32768, ge=1, description="as in sampling")
    pass_at: list[Annotated[int, Field(ge=1)]] = Field(
        [1, 2, 4, 8, 16, 32], min_length=1, description="k of pass@k"
    )
    grading: Grading | None = Field(
        None, description="how responses are graded, where it is not as rewards are: by `grading`"
    )
    vllm: Vllm = Field(Vllm(), description="options of `backend: vllm`")
    server: Server = Field(Server(), description="options of `backend: openai`")

"""How responses are drawn, and by what."""

from typing import Annotated, Literal

from pydantic import Field

from sent.config.backends import SAMPLERS
from sent.config.base import Settings


class Decoding(Settings):
    """How responses are drawn."""

    temperature: float = Field(1.0, ge=0, description="0: always the likeliest token")
    top_p: float = Field(
        1.0, gt=0, le=1, description="draw from the fewest tokens that hold this share; 1: from all"
    )
    top_k: int = Field(0, ge=0, description="draw from so many likeliest tokens, before top_p; 0: from all")
    max_new_tokens: int = Field(
        2048, ge=1, description="a response is cut here, or at the end of the context"
    )
    stop: list[Annotated[str, Field(min_length=1)]] = Field(
        [],
        description="strings that end a response; its text ends before them, its tokens include theirs",
    )


EngineOption = Literal[
    "async_scheduling",
    "attention_backend",
    "block_size",
    "cpu_offload_gb",
    "enable_chunked_prefill",
    "kv_cache_dtype",
    "max_num_batched_tokens",
    "max_num_seqs",
]
"""Options of vLLM's engine that load nothing and are set by no other key."""


class Vllm(Settings):
    """Options of the vLLM engine."""

    OPERATION = frozenset({"enable_sleep_mode", "enforce_eager", "gpu_memory_utilization"})

    tensor_parallel: int = Field(
        1, ge=1, description="GPUs that one engine is split over; in training it divides the number of GPUs"
    )
    gpu_memory_utilization: float = Field(
        0.9, gt=0, le=1, description="share of the GPU's memory that it takes"
    )
    max_model_len: int | None = Field(
        None, ge=16, description="tokens of prompt and response; default: the model's"
    )
    enforce_eager: bool = Field(False, description="no CUDA graphs: starts sooner, runs slower")
    enable_sleep_mode: bool = Field(True, description="free GPU memory between rollout and update")
    seeding: Literal["request", "step"] = Field(
        "request",
        description="what decides a response: a seed of its own, or one of all that is asked at once, which is faster, "
        "see docs/sampling.md",
    )
    extra: dict[EngineOption, bool | int | float | str] = Field(
        {}, description="further options of the engine, by vLLM's names: {max_num_seqs: 512}"
    )


class Server(Settings):
    """An OpenAI-compatible server (`vllm serve` or another)."""

    OPERATION = frozenset({"api_key_env", "concurrency", "retries", "timeout_seconds"})

    base_url: str = Field("http://127.0.0.1:8000/v1", description="address, up to `/completions`")
    model: str | None = Field(None, description="model name there; default: the first that it lists")
    api_key_env: str = Field("OPENAI_API_KEY", description="environment variable that holds the key")
    concurrency: int = Field(32, ge=1, description="requests at once")
    retries: int = Field(5, ge=0, description="further attempts at a request that failed")
    timeout_seconds: float = Field(600, gt=0, description="longest wait for an answer, in seconds")


Backend = Literal[tuple(SAMPLERS)]  # type: ignore[valid-type] # made of a table


class Sampling(Settings):
    """Stage `sampling`: responses of the initial policy, for semantic entropy."""

    OPERATION = frozenset({"batch_tokens", "shards"})

    backend: Backend = Field(  # type: ignore[valid-type]
        "transformers", description="what samples, see docs/sampling.md"
    )
    n: int = Field(16, ge=1, description="responses a question (ours: the paper does not say)")
    decoding: Decoding = Field(Decoding(), description="how responses are drawn")
    batch_tokens: int = Field(
        32768, ge=1, description="transformers backend: sequences x longest length in one batch"
    )
    shards: int = Field(1, ge=1, le=10_000, description="jobs that a model's questions are split over")
    seed: int = Field(0, description="another seed draws other responses")
    vllm: Vllm = Field(Vllm(), description="options of `backend: vllm`")
    server: Server = Field(Server(), description="options of `backend: openai`")

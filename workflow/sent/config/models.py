"""Policies and entailment models, and what their jobs ask for."""

import datetime
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sent.config.base import Label, Settings
from sent.config.data import Hub

PAPER_PROMPT = "{question}\nPlease reason step by step, and put your final answer within \\boxed{}."


class Pretrain(Settings):
    """An embedded base model, Qwen3-shaped, pretrained from scratch on generated worked arithmetic."""

    layers: int = Field(ge=1, le=1000, description="decoder layers")
    hidden: int = Field(ge=8, description="width of the hidden states; a multiple of 2 x heads")
    heads: int = Field(ge=1, description="attention heads")
    steps: int = Field(ge=1, description="optimizer updates")
    batch: int = Field(16, ge=1, description="texts a step; small batches learn most in a given time")
    lr: float = Field(5e-3, gt=0, le=1, description="highest learning rate")
    context: int = Field(128, ge=16, description="longest text in tokens, prompt and response together")
    families: list[str] = Field(
        min_length=1, description="problem families of its texts, see sent/data/arithmetic.py"
    )
    levels: list[int] = Field(
        [1, 2, 3], min_length=1, description="difficulty levels of its texts, mixed evenly"
    )
    worked: float = Field(
        0.5, ge=0, le=1, description="share of worked solutions among the solutions; the rest are guesses"
    )
    drills: float = Field(
        0.1, ge=0, le=1, description="share of texts that are lists of calculations, without a question"
    )
    guess_accuracy: float = Field(0.35, ge=0, le=1, description="share of the quick guesses that are right")
    seed: int = Field(0, description="of its first weights and of its texts")

    @property
    def linear_layers(self) -> list[str]:
        """Names that transformers gives the linear layers of its decoder."""
        parts = [f"self_attn.{x}_proj" for x in "qkvo"] + [f"mlp.{x}_proj" for x in ("gate", "up", "down")]
        return [f"model.layers.{layer}.{part}" for layer in range(self.layers) for part in parts]

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.hidden % (2 * self.heads):
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of 2 x heads ({self.heads})")
        return self


class NliTraining(Settings):
    """The embedded entailment model: a three-label cross-encoder trained from scratch on generated pairs."""

    layers: int = Field(2, ge=1, le=1000, description="encoder layers")
    hidden: int = Field(64, ge=8, description="width of the hidden states; a multiple of heads")
    heads: int = Field(2, ge=1, description="attention heads")
    steps: int = Field(400, ge=1, description="optimizer updates")
    batch: int = Field(128, ge=1, description="pairs a step")
    lr: float = Field(2e-3, gt=0, le=1, description="highest learning rate")
    held_out: int = Field(2000, ge=1, description="pairs that its accuracy is measured on")
    min_accuracy: float = Field(0.97, ge=0, le=1, description="a model below this is an error, not a result")
    seed: int = Field(0, description="of its first weights and of its pairs")

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads})")
        return self


class Architecture(Settings):
    """Sizes of a decoder (Qwen2, Qwen3, Llama), as its config.json has them; only `python -m sent plan` reads them."""

    layers: int = Field(ge=1, le=1000, description="num_hidden_layers")
    hidden: int = Field(ge=1, description="hidden_size")
    intermediate: int = Field(ge=1, description="intermediate_size")
    heads: int = Field(ge=1, description="num_attention_heads")
    kv_heads: int = Field(ge=1, description="num_key_value_heads")
    head_dim: int | None = Field(None, ge=1, description="head_dim; default: hidden / heads")
    vocabulary: int = Field(ge=1, description="vocab_size")
    context: int = Field(ge=1, description="max_position_embeddings")
    tied: bool = Field(False, description="tie_word_embeddings")
    qkv_bias: bool = Field(False, description="biases of the query, key and value projections (Qwen2)")
    qk_norm: bool = Field(False, description="norms of each head's queries and keys (Qwen3)")
    encoder_parameters: int | None = Field(
        None, ge=1, description="of an encoder, such as an entailment model: its parameters as published"
    )

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.heads % self.kv_heads:
            raise ValueError(f"heads ({self.heads}) must be a multiple of kv_heads ({self.kv_heads})")
        if self.head_dim is None and self.hidden % self.heads:
            raise ValueError(
                f"hidden ({self.hidden}) must be a multiple of heads ({self.heads}), unless head_dim is given"
            )
        return self


class Resources(Settings):
    """What a job with this model asks of the machine or cluster."""

    gpus: int = Field(0, ge=0, description="GPUs for training; 0 trains on the CPU")
    nodes: int = Field(
        1, ge=1, description="machines that the GPUs for training are on; more than one needs SLURM"
    )
    accelerate: Literal["ddp", "fsdp2", "zero3"] = Field(
        "fsdp2", description="how two or more GPUs share the training, see config/accelerate/"
    )
    threads: int = Field(
        1, ge=1, description="CPU threads of a job; in training on several machines, of each"
    )
    mem_mb: int = Field(
        4000, ge=1, description="memory of a training job, in MB; on several machines, of its part on each"
    )
    runtime: int = Field(
        60, ge=1, description="minutes that a cluster grants to a training job, which goes on in the next"
    )
    sampling_gpus: int | None = Field(
        None,
        ge=0,
        description="GPUs for sampling, evaluation and entailment; default: as gpus, at most 1",
    )
    sampling_mem_mb: int | None = Field(None, ge=1, description="memory of such a job; default: as mem_mb")
    sampling_runtime: int | None = Field(
        None, ge=1, description="minutes for such a job; default: as runtime"
    )

    @model_validator(mode="after")
    def _same_on_every_node(self) -> Self:
        if self.gpus % self.nodes or (self.nodes > 1 and not self.gpus):
            raise ValueError(f"{self.gpus} gpus cannot be split evenly over {self.nodes} nodes")
        return self


class Example(Settings):
    """A worked example, shown before the question."""

    question: str = Field(description="stands in the model's prompt, as a question does")
    response: str = Field(description="what follows that prompt")


TEMPLATE_VARIABLES = frozenset(
    {
        "add_generation_prompt",
        "chat_template",
        "continue_final_message",
        "conversation",
        "documents",
        "messages",
    }
    | {
        "padding",
        "return_dict",
        "return_tensors",
        "strftime_now",
        "tokenize",
        "tokenizer_kwargs",
        "tools",
        "truncation",
    }
)
"""What the renderer sets itself."""


class Model(Settings):
    """A registry entry: a policy or an entailment model, from exactly one of hub, path, pretrain or nli."""

    OPERATION = frozenset({"architecture", "resources", "verify_weights"})
    REPORT = frozenset({"label", "scale"})

    hub: Hub | None = Field(None, description="a repository on the Hugging Face hub")
    path: str | None = Field(None, description="a local folder with config.json, safetensors and a tokenizer")
    pretrain: Pretrain | None = Field(None, description="an embedded policy, pretrained from scratch")
    nli: NliTraining | None = Field(None, description="an embedded entailment model, trained from scratch")
    label: Label | None = Field(None, description="name in tables and figures")
    scale: Label | None = Field(None, description="parameters as written in tables, such as 1.5B")
    prompt: str = Field(PAPER_PROMPT, description="`{question}` is replaced, nothing else is interpreted")
    chat: bool = Field(True, description="wrap the prompt with the tokenizer's chat template")
    system: str | None = Field(None, description="the system's turn; without `chat` it stands before all")
    few_shot: list[Example] | str = Field(
        [], description="examples before the question: a list, or a JSONL, JSON or YAML file of it"
    )
    chat_template_kwargs: dict[str, Any] = Field(
        {}, description="variables of the chat template, such as `{enable_thinking: false}`"
    )
    date: datetime.date | None = Field(
        None,
        description="the day that a chat template is told which writes today's; without it such are refused",
    )
    dtype: Literal["float32", "bfloat16"] = Field(
        "bfloat16",
        description="type that it computes in and that trained weights are saved in; training keeps float32",
    )
    trust_remote_code: bool = Field(
        False, description="run Python code of the model's repository; off unless you ask"
    )
    verify_weights: bool | None = Field(
        None,
        description="compare the weights with the SHA-256 in provenance.json at every load; default: up to 8 GB",
    )
    resources: Resources = Field(
        Resources(), description="what a job with this model asks of the machine or cluster"
    )
    architecture: Architecture | None = Field(
        None, description="its sizes, for the estimate of `python -m sent plan` before it is fetched"
    )

    @field_validator("prompt")
    @classmethod
    def _holds_the_question(cls, prompt: str) -> str:
        if "{question}" not in prompt:
            raise ValueError(
                "expected {question} in it, which stands for the question: all would be asked the same"
            )
        return prompt

    @field_validator("chat_template_kwargs")
    @classmethod
    def _own_variables(cls, given: dict) -> dict:
        if taken := sorted(TEMPLATE_VARIABLES & given.keys()):
            raise ValueError(f"{', '.join(taken)}: set by the renderer; name other variables of the template")
        return given

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [key for key in ("hub", "path", "pretrain", "nli") if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of hub, path, pretrain and nli, found {given}")
        return self

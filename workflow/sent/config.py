"""Every setting of the project: one pydantic model a stage, with defaults, bounds and meaning.

The JSON schema (``python -m sent schema``), config/README.md's tables and the checks on a user's files come
from here. Nothing here imports torch.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sent.errors import SentError, nearest

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
PAPER_PROMPT = "{question}\nPlease reason step by step, and put your final answer within \\boxed{}."


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# ---------------------------------------------------------------- data


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
    seed: int = 0


class Source(Settings):
    """Where questions come from: exactly one of `hub`, `path` or `generator`."""

    hub: Hub | None = None
    path: str | None = Field(None, description="local .jsonl, .parquet or .csv file")
    generator: Generator | None = None
    fields: dict[Literal["id", "question", "answer", "group"], str] = Field(
        {}, description="column of each field where it differs; dots reach into nested values (prompt.0.content)"
    )
    prefix: str = Field("", description="text cut from the start of every question, where a dataset wraps it in a prompt")
    suffix: str = Field("", description="text cut from the end of every question")
    rows: int | None = Field(None, ge=1, description="expected number of questions; another count is an error")
    limit: int | None = Field(None, ge=1, description="take only the first so many questions (for trials)")

    @model_validator(mode="after")
    def _one_origin(self):
        given = [key for key in ("hub", "path", "generator") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of hub, path and generator, found {given or 'none'}")
        return self


class Data(Settings):
    """The training questions."""

    train: Source
    exclude_benchmark_questions: bool = Field(
        False, description="drop training questions whose text stands in a benchmark, too"
    )


class Recorded(Settings):
    """Responses that any model wrote, one JSON object a line: the experiment then runs on them."""

    path: str = Field(description="JSONL file: question, answer, responses[, logprobs]")
    fields: dict[Literal["id", "question", "answer", "responses", "logprobs", "tokens", "correct"], str] = Field(
        {},
        description="key of each field where it differs; `logprobs`: per response a sum or a list of token "
        "log-probabilities; `correct`: recorded verdicts to compare ours with",
    )


# ---------------------------------------------------------------- models


class Pretrain(Settings):
    """An embedded base model, Qwen3-shaped, pretrained from scratch on generated worked arithmetic."""

    layers: int = Field(ge=1)
    hidden: int = Field(ge=8)
    heads: int = Field(ge=1)
    steps: int = Field(ge=1)
    batch: int = Field(128, ge=1, description="solutions a step")
    lr: float = Field(3e-3, gt=0)
    context: int = Field(128, ge=16)
    families: list[str] = Field(min_length=1)
    levels: list[int] = Field([1, 2, 3], min_length=1)
    worked: float = Field(0.4, ge=0, le=1, description="share of worked solutions among the texts; the rest are guesses")
    guess_accuracy: float = Field(0.35, ge=0, le=1, description="share of the quick guesses that are right")
    seed: int = 0


class NliTraining(Settings):
    """The embedded entailment model: a three-label cross-encoder trained from scratch on generated pairs."""

    layers: int = Field(3, ge=1)
    hidden: int = Field(96, ge=8)
    heads: int = Field(4, ge=1)
    steps: int = Field(1500, ge=1)
    batch: int = Field(128, ge=1)
    lr: float = Field(1e-3, gt=0)
    held_out: int = Field(2000, ge=1, description="pairs that its accuracy is measured on")
    min_accuracy: float = Field(0.97, ge=0, le=1, description="a model below this is an error, not a result")
    seed: int = 0


class Resources(Settings):
    """What a job with this model asks of the machine or cluster."""

    gpus: int = Field(0, ge=0, description="GPUs for training; 0 trains on the CPU")
    sampling_gpus: int | None = Field(None, ge=0, description="GPUs for sampling and evaluation; default: as gpus, at most 1")
    mem_mb: int = Field(4000, ge=1)
    runtime: int = Field(60, ge=1, description="minutes")


class Model(Settings):
    """A registry entry: a policy or an entailment model, from exactly one of hub, path, pretrain or nli."""

    hub: Hub | None = None
    path: str | None = None
    pretrain: Pretrain | None = None
    nli: NliTraining | None = None
    label: str | None = Field(None, description="name in tables and figures")
    scale: str | None = Field(None, description="parameters as written in tables, such as 1.5B")
    prompt: str = Field(PAPER_PROMPT, description="`{question}` is replaced, nothing else is interpreted")
    chat: bool = Field(True, description="wrap the prompt with the tokenizer's chat template")
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    trust_remote_code: bool = Field(False, description="run Python code of the model's repository; off unless you ask")
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _one_origin(self):
        given = [key for key in ("hub", "path", "pretrain", "nli") if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of hub, path, pretrain and nli, found {given}")
        return self


# ---------------------------------------------------------------- sampling


class Decoding(Settings):
    """How responses are drawn."""

    temperature: float = Field(1.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0, description="0: off")
    max_new_tokens: int = Field(2048, ge=1)


class Vllm(Settings):
    """Options of the vLLM engine."""

    tensor_parallel: int = Field(1, ge=1)
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1)
    max_model_len: int | None = Field(None, ge=16)
    enforce_eager: bool = False
    enable_sleep_mode: bool = Field(True, description="free GPU memory between rollout and update")


class Server(Settings):
    """An OpenAI-compatible server (`vllm serve` or another)."""

    base_url: str = "http://127.0.0.1:8000/v1"
    model: str | None = Field(None, description="model name there; default: the first that it lists")
    api_key_env: str = Field("OPENAI_API_KEY", description="environment variable that holds the key")
    concurrency: int = Field(32, ge=1)
    retries: int = Field(5, ge=0)
    timeout_seconds: float = Field(600, gt=0)


Backend = Literal["transformers", "vllm", "openai"]


class Sampling(Settings):
    """Stage `sampling`: responses of the initial policy, for semantic entropy."""

    backend: Backend = "transformers"
    n: int = Field(16, ge=1, description="responses a question (ours: the paper does not say)")
    decoding: Decoding = Decoding()
    batch_tokens: int = Field(32768, ge=1, description="transformers backend: sequences x longest length in one batch")
    shards: int = Field(1, ge=1, description="jobs that a model's questions are split over")
    seed: int = 0
    vllm: Vllm = Vllm()
    server: Server = Server()


# ---------------------------------------------------------------- grading


class Grading(Settings):
    """Stage `grading`, and the reward of training."""

    timeout_seconds: float = Field(5.0, gt=0, description="wall-clock limit of one comparison")
    memory_mb: int = Field(2048, ge=256, description="memory limit of one worker process")
    workers: int = Field(1, ge=1, description="worker processes")
    max_answer_chars: int = Field(2000, ge=1, description="a longer answer is wrong, unread")


# ---------------------------------------------------------------- semantic entropy


class SemanticEntropy(Settings):
    """Stage `semantic_entropy`."""

    entailment: Literal["hybrid", "nli", "math_verify", "exact", "embedding"] = "hybrid"
    nli_model: Name | None = Field(None, description="registry name of the entailment (or embedding) model")
    criterion: Literal["strict", "non_strict"] = "strict"
    template: str = Field("{question} The answer is {answer}.", description="what the entailment model reads")
    batch_tokens: int = Field(16384, ge=1, description="tokens in one batch of pairs")
    unparsable: Literal["singleton", "pooled", "dropped"] = Field(
        "singleton", description="how responses without an answer count"
    )


# ---------------------------------------------------------------- curriculum


class Curriculum(Settings):
    """Stage `curriculum`."""

    n_stages: int = Field(2, ge=1)
    order: Literal["semantic_entropy", "reverse", "random"] = "semantic_entropy"
    seed: int = 0


# ---------------------------------------------------------------- training


class Method(Settings):
    """A registry entry of config/methods.yaml: how the objective is made from its parts."""

    label: str | None = Field(None, description="name in tables and figures")
    curriculum: bool = Field(False, description="train stage by stage, in the order of semantic entropy")


class Training(Settings):
    """Stage `training`: reinforcement learning with verifiable rewards."""

    backend: Literal["transformers", "vllm"] = "transformers"
    prompts_per_step: int = Field(256, ge=1)
    responses_per_prompt: int = Field(8, ge=2)
    minibatch_prompts: int = Field(128, ge=1, description="prompts an optimizer update")
    epochs: float = Field(5, gt=0, description="passes over the training questions, summed over stages")
    steps: int | None = Field(None, ge=1, description="rollout steps, summed over stages; overrides epochs")
    max_prompt_tokens: int = Field(1024, ge=1)
    decoding: Decoding = Decoding()
    lr: float = Field(1e-6, gt=0)
    warmup_steps: int = Field(0, ge=0, description="optimizer updates of linear warm-up, each stage")
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    micro_batch_tokens: int = Field(16384, ge=1, description="sequences x longest length in one forward pass")
    checkpoint_every: int = Field(20, ge=0, description="steps; 0: only when asked to stop")


# ---------------------------------------------------------------- evaluation


class Benchmark(Settings):
    """A registry entry of config/benchmarks.yaml."""

    source: Source
    label: str | None = Field(None, description="name in tables and figures")


class Evaluation(Settings):
    """Stage `evaluation`."""

    backend: Backend = "transformers"
    n: int = Field(32, ge=1, description="responses a question")
    decoding: Decoding = Decoding(max_new_tokens=8000)
    batch_tokens: int = Field(32768, ge=1)
    pass_at: list[int] = Field([1, 8, 16, 32], min_length=1, description="k of pass@k")
    vllm: Vllm = Vllm()
    server: Server = Server()


# ---------------------------------------------------------------- the experiment


class Experiment(Settings):
    """An experiment file: picks from the registries by name and sets sizes."""

    experiment: Name
    models: list[Name] = Field(min_length=1)
    methods: list[Name] = []
    benchmarks: list[Name] = []
    seeds: list[int] = Field([0], min_length=1)
    data: Data | None = None
    recorded: Recorded | None = None
    sampling: Sampling = Sampling()
    grading: Grading = Grading()
    semantic_entropy: SemanticEntropy = SemanticEntropy()
    curriculum: Curriculum = Curriculum()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    overrides: dict[Name, dict[str, Any]] = Field(
        {}, description="changes for one model: {model: {training: {lr: 1e-4}}}"
    )
    registry: dict[Literal["models", "methods", "benchmarks"], dict[Name, Any]] = Field(
        {}, description="registry entries of your own, beside those in the registry files"
    )

    @model_validator(mode="after")
    def _has_questions(self):
        if (self.data is None) == (self.recorded is None):
            raise ValueError("give one of `data` (questions to train on) and `recorded` (responses you already have)")
        return self


def parse(settings: type[Settings], value: Any, where: str) -> Any:
    """Build ``settings`` from ``value`` (a dict, a JSON string or a YAML/JSON file's path).

    Raises :class:`SentError` that names ``where``, the key, what was expected and, for an unknown key, the
    nearest known one.
    """
    if isinstance(value, str):
        value = _read_text(value, where)
    try:
        return settings.model_validate(value)
    except ValidationError as error:
        raise SentError("\n".join(_explain(settings, item, where) for item in error.errors())) from None


def dump(settings: Settings) -> str:
    """Return settings as one line of JSON, keys sorted: what rules pass to commands, and what is hashed."""
    return json.dumps(settings.model_dump(mode="json"), sort_keys=True)


def _read_text(text: str, where: str) -> Any:
    if not text.lstrip().startswith("{"):
        path = Path(text)
        if not path.is_file():
            raise SentError(f"{where}: '{text}' is neither JSON nor an existing file")
        text = path.read_text()
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SentError(f"{where}: cannot be read as YAML or JSON: {error}") from None


def _explain(settings: type[Settings], item: dict, where: str) -> str:
    path = [str(part) for part in item["loc"]]
    key = ".".join(path) or "(top level)"
    if item["type"] == "extra_forbidden":
        return f"{where}: unknown key '{key}'{nearest(path[-1], _known_keys(settings, path[:-1]))}"
    found = "" if item["type"] == "missing" else f", found {item['input']!r:.200}"
    return f"{where}: '{key}': {item['msg'].removeprefix('Value error, ')}{found}"


def _known_keys(settings: Any, path: list[str]) -> list[str]:
    """Names of the fields of the model reached by ``path`` from ``settings``."""
    for part in path:
        field = settings.model_fields.get(part) if hasattr(settings, "model_fields") else None
        if field is None:
            return []
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
        settings = next((c for c in candidates if hasattr(c, "model_fields")), None)
    return list(settings.model_fields) if hasattr(settings, "model_fields") else []

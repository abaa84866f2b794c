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
    fields: dict[Literal["id", "question", "answer", "responses", "logprobs", "tokens", "correct"], str] = (
        Field(
            {},
            description="key of each field where it differs; `logprobs`: per response a sum or a list of token "
            "log-probabilities; `correct`: recorded verdicts to compare ours with",
        )
    )


# ---------------------------------------------------------------- models


class Pretrain(Settings):
    """An embedded base model, Qwen3-shaped, pretrained from scratch on generated worked arithmetic."""

    layers: int = Field(ge=1)
    hidden: int = Field(ge=8)
    heads: int = Field(ge=1)
    steps: int = Field(ge=1)
    batch: int = Field(16, ge=1, description="texts a step; small batches learn most in a given time")
    lr: float = Field(5e-3, gt=0)
    context: int = Field(128, ge=16)
    families: list[str] = Field(min_length=1)
    levels: list[int] = Field([1, 2, 3], min_length=1)
    worked: float = Field(
        0.5, ge=0, le=1, description="share of worked solutions among the solutions; the rest are guesses"
    )
    drills: float = Field(
        0.1, ge=0, le=1, description="share of texts that are lists of calculations, without a question"
    )
    guess_accuracy: float = Field(0.35, ge=0, le=1, description="share of the quick guesses that are right")
    seed: int = 0


class NliTraining(Settings):
    """The embedded entailment model: a three-label cross-encoder trained from scratch on generated pairs."""

    layers: int = Field(2, ge=1)
    hidden: int = Field(64, ge=8)
    heads: int = Field(2, ge=1)
    steps: int = Field(400, ge=1)
    batch: int = Field(128, ge=1, description="pairs a step")
    lr: float = Field(2e-3, gt=0)
    held_out: int = Field(2000, ge=1, description="pairs that its accuracy is measured on")
    min_accuracy: float = Field(0.97, ge=0, le=1, description="a model below this is an error, not a result")
    seed: int = 0


class Architecture(Settings):
    """Sizes of a decoder (Qwen2, Qwen3, Llama), as its config.json has them; only `python -m sent plan` reads them."""

    layers: int = Field(ge=1, description="num_hidden_layers")
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
        4000, ge=1, description="memory of a training job; on several machines, of its part on each"
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
    def _same_on_every_node(self):
        if self.gpus % self.nodes or (self.nodes > 1 and not self.gpus):
            raise ValueError(f"{self.gpus} gpus cannot be split evenly over {self.nodes} nodes")
        return self


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
    trust_remote_code: bool = Field(
        False, description="run Python code of the model's repository; off unless you ask"
    )
    resources: Resources = Resources()
    architecture: Architecture | None = Field(
        None, description="its sizes, for the estimate of `python -m sent plan` before it is fetched"
    )

    @model_validator(mode="after")
    def _one_origin(self):
        given = [key for key in ("hub", "path", "pretrain", "nli") if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of hub, path, pretrain and nli, found {given}")
        return self


# ---------------------------------------------------------------- sampling


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


class Vllm(Settings):
    """Options of the vLLM engine."""

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


class Server(Settings):
    """An OpenAI-compatible server (`vllm serve` or another)."""

    base_url: str = Field("http://127.0.0.1:8000/v1", description="address, up to `/completions`")
    model: str | None = Field(None, description="model name there; default: the first that it lists")
    api_key_env: str = Field("OPENAI_API_KEY", description="environment variable that holds the key")
    concurrency: int = Field(32, ge=1, description="requests at once")
    retries: int = Field(5, ge=0, description="further attempts at a request that failed")
    timeout_seconds: float = Field(600, gt=0, description="longest wait for an answer")


Backend = Literal["transformers", "vllm", "openai"]


class Sampling(Settings):
    """Stage `sampling`: responses of the initial policy, for semantic entropy."""

    backend: Backend = Field("transformers", description="what samples, see docs/sampling.md")
    n: int = Field(16, ge=1, description="responses a question (ours: the paper does not say)")
    decoding: Decoding = Decoding()
    batch_tokens: int = Field(
        32768, ge=1, description="transformers backend: sequences x longest length in one batch"
    )
    shards: int = Field(1, ge=1, description="jobs that a model's questions are split over")
    seed: int = Field(0, description="another seed draws other responses")
    vllm: Vllm = Vllm()
    server: Server = Server()


# ---------------------------------------------------------------- grading


class Grading(Settings):
    """Stage `grading`, and the reward of training."""

    timeout_seconds: float = Field(
        5.0, gt=0, description="processor time of one comparison; by the clock it may take four times as long"
    )
    memory_mb: int = Field(2048, ge=256, description="memory limit of one worker process")
    workers: int = Field(1, ge=1, description="worker processes")
    max_answer_chars: int = Field(4000, ge=1, description="a longer answer is wrong, unread")
    fallback_phrases: list[str] = Field(
        [],
        description="for models that write no box: the answer is what follows the last of these, such as `answer is`",
    )
    read_unclosed_thinking: bool = Field(
        False, description="look for an answer in thinking that was cut off, too"
    )
    percent: Literal["either", "value", "sign"] = Field(
        "either",
        description="`50%`: either 0.5 or 50, whichever the gold answer is; `value`: 0.5 only; `sign`: 50 only",
    )
    units: Literal["optional", "ignore", "required"] = Field(
        "optional",
        description="`optional`: may be left out, but two known units must be one; `ignore`: never compared; "
        "`required`: must be there if the gold answer has one",
    )
    order: Literal["notation", "ignore", "strict"] = Field(
        "notation",
        description="`notation`: counts in parentheses and brackets, not in bare lists and braces; `ignore`: not in "
        "parentheses either; `strict`: also in bare lists",
    )
    significant_digits: int = Field(
        3,
        ge=0,
        description="a decimal gold is met by its rounding to so many digits or more (0: never); integers never",
    )
    exact_gold_digits: int = Field(
        6,
        ge=0,
        description="an exact gold such as 1/3 is met by its rounding to so many digits or more (0: never)",
    )
    relative_tolerance: float = Field(
        0.0, ge=0, lt=1, description="relative error allowed against a decimal gold"
    )
    absolute_tolerance: float = Field(0.0, ge=0, description="absolute error allowed against any number")


# ---------------------------------------------------------------- semantic entropy


class SemanticEntropy(Settings):
    """Stage `semantic_entropy`."""

    entailment: Literal["hybrid", "nli", "math_verify", "exact", "embedding"] = Field(
        "hybrid",
        description="what judges two answers; hybrid: exact, then math_verify, then nli for answers in words",
    )
    nli_model: Name | None = Field(None, description="registry name of the entailment (or embedding) model")
    criterion: Literal["strict", "non_strict"] = Field(
        "strict", description="strict: both directions entail; non_strict: none contradicts, not both neutral"
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
    def _template_names_the_answer(self):
        if "{answer}" not in self.template:
            raise ValueError(f"template must hold {{answer}}, found {self.template!r}")
        return self


# ---------------------------------------------------------------- curriculum


class Curriculum(Settings):
    """Stage `curriculum`. The defaults are nearest to SENT: two stages by discrete semantic entropy."""

    n_stages: int = Field(2, ge=1)
    score: Literal[
        "semantic_entropy", "rao_blackwell", "normalised", "miller_madow", "chao_shen", "n_clusters"
    ] = Field("semantic_entropy", description="the estimator that questions are sorted by")
    order: Literal["semantic_entropy", "reverse", "random"] = Field(
        "semantic_entropy",
        description="low entropy first; reverse and random are controls with stages of equal size",
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
    shuffle: bool = Field(True, description="shuffle inside a stage; false: strictly by entropy")
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
    seed: int = 0

    @model_validator(mode="after")
    def _cuts_fit(self):
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


# ---------------------------------------------------------------- training


class Method(Settings):
    """A registry entry of config/methods.yaml: how the objective is made from its parts."""

    label: str | None = Field(None, description="name in tables and figures")
    curriculum: bool = Field(False, description="train stage by stage, in the order of semantic entropy")
    objective: str = Field(
        "grpo", description="function that weighs the tokens: the name of a file of sent/training/objectives/"
    )
    constants: dict[str, float | str] = Field({}, description="constants of that function, all of them")
    clip_low: float | None = Field(
        0.2, ge=0, le=1, description="the ratio's lower bound is 1 - clip_low; null: unclipped"
    )
    clip_high: float | None = Field(
        0.2, ge=0, description="the ratio's upper bound is 1 + clip_high; null: unclipped"
    )
    aggregation: Literal["token_mean", "sequence_mean", "selected_mean"] = Field(
        "sequence_mean",
        description="mean over all tokens, over responses of each one's token mean, or over the tokens whose "
        "policy gradient the objective keeps",
    )
    kl_anchor: Literal["reference", "old"] | None = Field(
        None,
        description="what the objective's own KL term pulls to: the reference, or the policy of the rollout",
    )
    kl_estimator: Literal["k1", "k2", "k3", "abs"] = Field(
        "k3", description="estimator of the objective's own KL"
    )
    reference_kl: float = Field(0.0, ge=0, description="coefficient of a KL to the reference on all tokens")
    reference_estimator: Literal["k1", "k2", "k3", "abs"] = Field("k3", description="its estimator")
    reference: Literal["initial", "stage_start"] = Field(
        "initial",
        description="weights of the reference: the base model's, or those that the stage starts from",
    )
    entropy_coefficient: float = Field(0.0, ge=0, description="weight of the mean token entropy as a bonus")

    @property
    def needs_reference(self) -> bool:
        """Whether the loss needs log-probabilities under the reference."""
        return self.kl_anchor == "reference" or self.reference_kl > 0

    @property
    def needs_two_updates(self) -> bool:
        """Whether one update a rollout would leave the method's KL without effect.

        On the first update of a rollout the policy is the old one, where only k1 has a gradient.
        """
        return self.kl_anchor == "old" and self.kl_estimator != "k1"

    @model_validator(mode="after")
    def _parts_fit(self):
        if (self.clip_low is None) != (self.clip_high is None):
            raise ValueError("give both clip_low and clip_high, or null for both")
        from sent.training.objectives import bind  # knows each objective's constants; imports no torch

        try:
            bind(self.objective, self.constants)
        except SentError as error:
            raise ValueError(str(error)) from None
        return self


class Lora(Settings):
    """Low-rank adapters (peft) instead of all weights."""

    rank: int = Field(32, ge=1)
    alpha: float = Field(64, gt=0)
    targets: list[str] | Literal["all-linear"] = Field(
        "all-linear", description="names of the adapted layers"
    )


class Training(Settings):
    """Stage `training`: reinforcement learning with verifiable rewards."""

    backend: Literal["transformers", "vllm"] = Field("transformers", description="what writes the rollouts")
    prompts_per_step: int = Field(256, ge=1)
    responses_per_prompt: int = Field(8, ge=2)
    minibatch_prompts: int = Field(
        128, ge=1, description="prompts of one optimizer update; divides prompts_per_step"
    )
    epochs: float = Field(5, gt=0, description="passes over the training questions, stages taken together")
    steps: int | None = Field(
        None, ge=1, description="rollout steps, stages taken together; overrides epochs"
    )
    max_prompt_tokens: int = Field(
        1024, ge=1, description="questions with a longer prompt are left out, and counted"
    )
    decoding: Decoding = Decoding()
    lr: float = Field(1e-6, gt=0)
    warmup_updates: int = Field(0, ge=0, description="optimizer updates of linear warm-up, in each stage")
    weight_decay: float = Field(0.0, ge=0)
    adam_betas: tuple[float, float] = (0.9, 0.999)
    max_grad_norm: float = Field(1.0, gt=0)
    micro_batch_tokens: int = Field(
        16384, ge=1, description="sequences x longest length of one pass with gradients"
    )
    scoring_batch_tokens: int = Field(65536, ge=1, description="the same of one pass without gradients")
    rollout_batch_tokens: int = Field(
        65536, ge=1, description="the same while sampling (transformers backend)"
    )
    gradient_checkpointing: bool = Field(
        False, description="recompute activations: less memory, a third more time"
    )
    dynamic_sampling_rounds: int = Field(
        0,
        ge=0,
        description="times that groups of equal rewards are replaced by further questions (DAPO); 0: off",
    )
    overlong_buffer: int = Field(
        0,
        ge=0,
        description="tokens before the length limit over which the reward falls by up to 1 (DAPO); 0: off",
    )
    importance_cap: float | None = Field(
        None,
        gt=0,
        description="truncate trainer / sampler probability ratios here, as weights of tokens; null: off",
    )
    logprob_tolerance: float = Field(
        0.02,
        gt=0,
        description="largest mean difference of sampler's and trainer's log-probabilities before it stops",
    )
    lora: Lora | None = None
    worked_marker: str | None = Field(
        None, description="text that only worked solutions contain; the share of responses with it is logged"
    )
    checkpoint_every: int = Field(
        20, ge=0, description="steps between checkpoints; 0: only when asked to stop"
    )
    trackers: list[Literal["tensorboard", "wandb"]] = Field([], description="log there, too")
    vllm: Vllm = Vllm(gpu_memory_utilization=0.4)

    @model_validator(mode="after")
    def _whole_minibatches(self):
        if self.prompts_per_step % self.minibatch_prompts:
            raise ValueError(
                f"minibatch_prompts ({self.minibatch_prompts}) must divide prompts_per_step ({self.prompts_per_step})"
            )
        return self

    @property
    def updates_per_step(self) -> int:
        """Optimizer updates on each rollout."""
        return self.prompts_per_step // self.minibatch_prompts


# ---------------------------------------------------------------- evaluation


class Benchmark(Settings):
    """A registry entry of config/benchmarks.yaml."""

    source: Source
    label: str | None = Field(None, description="name in tables and figures")


class Evaluation(Settings):
    """Stage `evaluation`."""

    backend: Backend = Field("transformers", description="what samples, see docs/sampling.md")
    n: int = Field(32, ge=1, description="responses a question")
    decoding: Decoding = Decoding(max_new_tokens=8000)
    batch_tokens: int = Field(32768, ge=1, description="as in sampling")
    pass_at: list[int] = Field([1, 8, 16, 32], min_length=1, description="k of pass@k")
    vllm: Vllm = Vllm()
    server: Server = Server()


# ---------------------------------------------------------------- results


class Results(Settings):
    """Stage `results`."""

    overlap_words: int = Field(
        8,
        ge=1,
        description="words of an n-gram in the search for benchmark questions among the training questions",
    )
    overlap_share: float = Field(
        0.6,
        gt=0,
        le=1,
        description="share of a benchmark question's n-grams in one training question that flags it",
    )


# ---------------------------------------------------------------- the experiment


class Experiment(Settings):
    """An experiment file: picks from the registries by name and sets sizes."""

    experiment: Name = Field(description="its name, and that of its folder under results/")
    models: list[Name] = Field(min_length=1, description="policies to run, names in models.yaml")
    methods: list[Name] = Field([], description="names in methods.yaml; `base` is the untrained policy")
    benchmarks: list[Name] = Field([], description="names in benchmarks.yaml")
    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        [0], min_length=1, description="each method trains once with each seed"
    )
    data: Data | None = Field(
        None, description="questions to train on; none for `recorded` responses, or to evaluate `base` alone"
    )
    recorded: Recorded | None = None
    sampling: Sampling = Sampling()
    grading: Grading = Grading()
    semantic_entropy: SemanticEntropy = SemanticEntropy()
    curriculum: Curriculum = Curriculum()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    results: Results = Results()
    overrides: dict[Name, dict[str, Any]] = Field(
        {}, description="changes for one model: {model: {training: {lr: 1e-4}}}"
    )
    registry: dict[Literal["models", "methods", "benchmarks"], dict[Name, Any]] = Field(
        {}, description="registry entries of your own, beside those in the registry files"
    )

    @model_validator(mode="after")
    def _has_questions(self):
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

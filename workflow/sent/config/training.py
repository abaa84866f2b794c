"""Methods, and how they are trained."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from sent.config.backends import SAMPLERS
from sent.config.base import Changes, Label, Name, Settings, operational
from sent.config.sampling import Decoding, Vllm
from sent.errors import nearest

WRITTEN_PART = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": {
                "type": "object",
                "additionalProperties": {"type": ["number", "string"]},
            },
        },
    ]
}


class Part(RootModel[Annotated[Any, WithJsonSchema(WRITTEN_PART)]]):
    """A named part of a method: `name`, or with constants of its own `{name: {constant: value}}`."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if not isinstance(self.root, str):
            is_one = isinstance(self.root, dict) and len(self.root) == 1
            if not is_one or not all(isinstance(inner, dict) for inner in self.root.values()):
                raise ValueError("expected a name, or one name with its constants: {name: {constant: value}}")
        return self

    @property
    def name(self) -> str:
        """Name of the file that holds the function, and of the function."""
        return self.root if isinstance(self.root, str) else next(iter(self.root))

    @property
    def constants(self) -> dict[str, Any]:
        """The function's constants; whether they fit is checked where it is looked up (sent.training.parts)."""
        return {} if isinstance(self.root, str) else self.root[self.name]


Beta = Annotated[float, Field(ge=0, lt=1)]

TRAINS = tuple(name for name, sampler in SAMPLERS.items() if sampler.rollouts_by)


class Lora(Settings):
    """Low-rank adapters (peft) instead of all weights."""

    rank: int = Field(32, ge=1, description="width of an adapter")
    alpha: float = Field(64, gt=0, description="an adapter's output is scaled by alpha / rank")
    targets: Annotated[list[str], Field(min_length=1)] | Literal["all-linear"] = Field(
        "all-linear",
        description="names of the adapted linear layers of the decoder, or their ends: [q_proj, v_proj]",
    )


class ColocatedVllm(Vllm):
    """Options of a vLLM engine that shares its GPU with the trainer."""

    gpu_memory_utilization: float = Field(
        0.4, gt=0, le=1, description="share of the GPU's memory that it takes"
    )
    seeding: Literal["request", "step"] = Field(
        "step",
        description="what decides a response: a seed of its own, or one of all that a process asks in a step, which is "
        "faster, see docs/sampling.md",
    )


class Training(Settings):
    """Stage `training`: reinforcement learning with verifiable rewards."""

    OPERATION = frozenset(
        {
            "checkpoint_every",
            "gradient_checkpointing",
            "keep_checkpoints",
            "keep_rollouts",
            "micro_batch_tokens",
            "offload",
            "on_nonfinite",
            "packing",
            "process_timeout_minutes",
            "resume",
            "rollout_batch_tokens",
            "scoring_batch_tokens",
            "trackers",
        }
    )

    backend: Literal[TRAINS] = Field(  # type: ignore[valid-type] # made of a table
        "transformers", description="what writes the rollouts"
    )
    prompts_per_step: int = Field(256, ge=1, description="questions of one rollout")
    responses_per_prompt: int = Field(
        8, ge=2, description="responses to each; rewards are compared among them"
    )
    minibatch_prompts: int = Field(
        128, ge=1, description="prompts of one optimizer update; divides prompts_per_step"
    )
    epochs: float = Field(
        5, gt=0, le=1_000_000, description="passes over the training questions, stages taken together"
    )
    steps: int | None = Field(
        None, ge=1, description="rollout steps, stages taken together; overrides epochs"
    )
    max_prompt_tokens: int = Field(
        1024, ge=1, description="questions with a longer prompt are left out, and counted"
    )
    decoding: Decoding = Field(Decoding(), description="how rollouts are drawn")
    lr: float = Field(1e-6, gt=0, le=1, description="learning rate of AdamW after the warm-up")
    lr_schedule: Literal["constant", "linear", "cosine"] = Field(
        "constant",
        description="how the learning rate goes on after the warm-up: as it is, or down to 0 at the end of all stages",
    )
    warmup_updates: int = Field(0, ge=0, description="optimizer updates of linear warm-up, in each stage")
    weight_decay: float = Field(0.0, ge=0, le=1, description="of AdamW")
    adam_betas: tuple[Beta, Beta] = Field(
        (0.9, 0.999), description="decay of AdamW's mean of gradients and of their squares"
    )
    max_grad_norm: float = Field(1.0, gt=0, description="gradients of a larger norm are scaled down to it")
    on_nonfinite: Literal["stop", "skip"] = Field(
        "stop",
        description="after a loss or gradient that is not finite: stop, or leave the update out and stop at the fifth in a row",
    )
    micro_batch_tokens: int = Field(
        16384, ge=1, description="sequences x longest length of one pass with gradients"
    )
    scoring_batch_tokens: int = Field(65536, ge=1, description="the same of one pass without gradients")
    rollout_batch_tokens: int = Field(
        65536, ge=1, description="the same while sampling (transformers backend)"
    )
    gradient_checkpointing: bool | Annotated[float, Field(ge=0, le=1)] = Field(
        False,
        description="recompute activations, of all layers or of a share of them: less memory, up to a third more time",
    )
    offload: list[Literal["optimizer", "reference"]] = Field(
        [],
        description="what waits in the machine's memory, on a GPU, until an update steps or the reference scores",
    )
    packing: bool = Field(
        False,
        description="sequences of a pass in one row without padding, by PyTorch's attention for variable lengths (on GPUs)",
    )
    dynamic_sampling_rounds: int = Field(
        0,
        ge=0,
        description="times that groups whose advantages are all 0 give way to further questions (DAPO); 0: off",
    )
    overlong_share: float = Field(
        0,
        ge=0,
        le=1,
        description="last part of max_new_tokens over which the reward falls by up to 1 (DAPO); 0: off",
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
    lora: Lora | None = Field(None, description="train low-rank adapters (peft) instead of all weights")
    worked_marker: str | None = Field(
        None, description="text that only worked solutions contain; the share of responses with it is logged"
    )
    checkpoint_every: int = Field(
        20, ge=0, description="steps between checkpoints; 0: only when asked to stop"
    )
    keep: Literal["last", "best_probe"] = Field(
        "last",
        description="which policy a training ends with: that after the last step, or that of the last stage's probed step "
        "with the highest pass@1, the first of equal ones",
    )
    keep_checkpoints: bool = Field(
        False, description="a finished job keeps its last state, from which more steps can go on"
    )
    keep_rollouts: int = Field(
        4, ge=0, description="responses of each step that are kept to look at, in rollouts.parquet"
    )
    resume: Literal["strict", "settings"] = Field(
        "strict",
        description="which checkpoints a job goes on from: of the same settings, data and code, or of any code",
    )
    process_timeout_minutes: float = Field(
        60,
        gt=0,
        description="longest wait of a process for another one, in minutes, such as for the longest rollout of a step",
    )
    trackers: list[Literal["tensorboard", "wandb"]] = Field([], description="log there, too")
    vllm: ColocatedVllm = Field(ColocatedVllm(), description="options of `backend: vllm`")

    @field_validator("gradient_checkpointing", mode="before")
    @classmethod
    def _is_a_share(cls, value: Any) -> Any:
        if not isinstance(value, bool | int | float) or not 0 <= value <= 1:
            raise ValueError("expected true, false, or the share of layers that are recomputed, from 0 to 1")
        return value


class EntropyController(Settings):
    """An entropy bonus whose weight follows the entropy of the rollouts."""

    target: float = Field(gt=0, description="entropy of a rollout, nats, below which the bonus is on")
    step: float = Field(
        gt=0, description="what a step below the target adds to the weight, and one above it takes"
    )
    max: float = Field(gt=0, description="largest weight; it begins at 0 in each stage")


def _entropy_kind(value: Any) -> str | None:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return "(coefficient)"
    return "(controller)" if isinstance(value, dict | EntropyController) else None


Entropy = Annotated[
    Annotated[float, Field(ge=0), Tag("(coefficient)")] | Annotated[EntropyController, Tag("(controller)")],
    Discriminator(
        _entropy_kind,
        custom_error_type="entropy",
        custom_error_message="expected a coefficient, or a controller: {target: ..., step: ..., max: ...}",
    ),
]


class Method(Settings):
    """A registry entry of config/methods.yaml: a recipe of named parts, each a function in a file of its own."""

    REPORT = frozenset({"keeps", "label"})

    label: Label | None = Field(None, description="name in tables and figures")
    curriculum: Name | None = Field(
        None,
        description="order of the questions to follow stage by stage, a name in curricula.yaml; null: none",
    )
    reward: Part = Field(
        Part("correct"),
        description="function that says what a response is worth, a file of sent/training/rewards/, or "
        "`package.module:function` (see `allow_own_code`)",
    )
    advantage: Part = Field(
        Part("group_normalised"),
        description="function that says what each response earned, a file of sent/training/advantages/, with its "
        "constants",
    )
    weighting: Part = Field(
        Part("uniform"),
        description="function that weighs the tokens, a file of sent/training/weightings/, with its constants",
    )
    ratio: Literal["token", "sequence"] = Field(
        "token",
        description="what is clipped: the ratio of each token, or the geometric mean of a response's (GSPO)",
    )
    surrogate: Part = Field(
        Part("clipped"),
        description="function of ratio and advantage that is maximised, a file of sent/training/surrogates/, with its "
        "constants",
    )
    clip_low: float | None = Field(
        0.2,
        ge=0,
        le=1,
        description="the ratio's lower bound is 1 - clip_low; null where the surrogate has none",
    )
    clip_high: float | None = Field(
        0.2, ge=0, description="the ratio's upper bound is 1 + clip_high; null where the surrogate has none"
    )
    aggregation: Literal["token_mean", "sequence_mean", "selected_mean", "constant"] = Field(
        "sequence_mean",
        description="mean over all tokens, over responses of each one's token mean, over the tokens whose "
        "policy gradient the weighting keeps, or the sum over tokens by responses x max_new_tokens",
    )
    kl_anchor: Literal["reference", "old"] | None = Field(
        None,
        description="what the weighting's KL term pulls to: the reference, or the policy of the rollout",
    )
    kl_estimator: Literal["k1", "k2", "k3", "abs"] = Field(
        "k3", description="estimator of the weighting's KL"
    )
    reference_kl: float = Field(0.0, ge=0, description="coefficient of a KL to the reference on all tokens")
    reference_estimator: Literal["k1", "k2", "k3", "abs"] = Field("k3", description="its estimator")
    reference: Literal["initial", "stage_start"] = Field(
        "initial",
        description="weights of the reference: the base model's, or those that the stage starts from",
    )
    entropy: Entropy = Field(
        0.0,
        description="weight of the mean token entropy as a bonus, or a controller that moves it to a target",
    )
    training: Annotated[Training, Changes] = Field(
        Training(),
        description="settings of training of this method alone, over those of experiment and model",
    )
    keeps: list[str] = Field(
        [],
        description="keys that are this method's idea, which `methods_share` of an experiment leaves as they are",
    )

    @field_validator("training")
    @classmethod
    def _is_no_operation(cls, changes: Training) -> Training:
        if found := operational(changes):
            raise ValueError(
                f"'{found[0]}' says how jobs run, not what a method is; set it in the experiment"
            )
        return changes

    @field_validator("keeps")
    @classmethod
    def _are_keys(cls, keys: list[str]) -> list[str]:
        known = cls.model_fields.keys() - cls.REPORT
        for key in keys:
            if key not in known:
                raise ValueError(f"no key that methods share is called '{key}'{nearest(key, known)}")
        return keys

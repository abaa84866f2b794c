"""Memory of one GPU (or of a job without one) by phase of training: what stays, what a phase adds, what makes it fit.

Everything follows what the code does: master weights in float32 with bfloat16 products, AdamW, and the sharing out of
states that ZeRO (Rajbhandari et al. 2020, section 3) describes: 16 bytes a parameter, divided by the GPUs that share it.
"""

from dataclasses import dataclass, replace
from typing import Any

from sent.config import SAMPLERS, Lora, Model, Training
from sent.plan.sizes import GIB, Device, Shape
from sent.training.head_blocks import block_width
from sent.training.recipe import updates_per_step
from sent.training.recomputation import keeping

RESERVED = 2 * GIB
"""CUDA context, communication buffers and what the allocator cannot use (assumed)."""

ENGINE = 2 * GIB
"""What vLLM needs of its share beside weights and cache: activations of a prefill, CUDA graphs (assumed)."""

PROCESS = 0.55e9
"""Resident memory of a process that has loaded torch and transformers (measured on a CPU)."""


@dataclass(frozen=True)
class Phase:
    """A phase of training and its parts in bytes."""

    name: str
    parts: dict[str, float]

    @property
    def total(self) -> float:
        """Bytes of all parts."""
        return sum(self.parts.values())


@dataclass(frozen=True)
class TrainingMemory:
    """A model in training: everything that memory depends on."""

    shape: Shape
    model: Model
    settings: Training
    needs_reference: bool
    device: Device

    @property
    def gpus(self) -> int:
        """Processes that share the training."""
        return max(1, self.model.resources.gpus)

    @property
    def strategy(self) -> str:
        """How they share it: `one`, `ddp`, `fsdp2` or `zero3`."""
        return self.model.resources.accelerate if self.gpus > 1 else "one"

    @property
    def shards(self) -> int:
        """Processes that one copy of the states is split over."""
        return self.gpus if self.strategy in ("fsdp2", "zero3") else 1

    @property
    def precision(self) -> str:
        """Number formats, as the activations are counted by."""
        if self.model.dtype == "float32" or not self.device.is_gpu:
            return "float32"
        return "bfloat16" if self.shards > 1 else "autocast"

    @property
    def width(self) -> int:
        """Bytes of a number in matrix products."""
        return 4 if self.precision == "float32" else 2

    @property
    def trained(self) -> int:
        """Weights that have gradients: all, or those of the adapters."""
        lora, sizes = self.settings.lora, self.shape.sizes
        if lora is None:
            return self.shape.parameters
        inputs = 5 * sizes.hidden + self.shape.query + sizes.intermediate
        outputs = self.shape.query + 2 * self.shape.key + 2 * sizes.hidden + 2 * sizes.intermediate
        return sizes.layers * lora.rank * (inputs + outputs)  # every linear layer of the body

    def states(self) -> dict[str, float]:
        """Return what is there in every phase, by name."""
        # Beside float32 ones ZeRO-3 keeps 16-bit weights.
        per_weight = 6 if self.strategy == "zero3" and self.width == 2 else 4
        parts = {"weights": per_weight * self.shape.parameters / self.shards}
        if not self.offloads("optimizer"):
            parts["optimizer"] = 8 * self.trained / self.shards
        if self.needs_reference and not self.offloads("reference"):
            parts["reference"] = self.reference()
        if not self.has_engine and self.shards > 1:
            parts["sampler's copy"] = 4 * self.shape.parameters
        return parts

    def offloads(self, what: str) -> bool:
        """Whether ``optimizer`` or ``reference`` waits in the machine's memory instead of the GPU's."""
        return self.device.is_gpu and what in self.settings.offload

    def reference(self) -> float:
        """Return the bytes of this process's weights of the reference."""
        found = self.width * self.shape.parameters / self.shards
        return found + (2 * self.embeddings if self.precision == "autocast" else 0)  # which stay in float32

    @property
    def embeddings(self) -> int:
        """Weights of the embeddings and, where it is another matrix, the head; FSDP keeps them together."""
        return self.shape.head * (1 if self.shape.sizes.tied else 2)

    def gathered(self) -> float:
        """Return the bytes of weights that a pass needs in another place or format than they are kept in."""
        if self.shards > 1:  # the layer at work, the next one on its way, embeddings and head
            return self.width * (2 * self.shape.layer + self.embeddings)
        return 2 * self.shape.parameters if self.precision == "autocast" else 0.0

    def gradients(self) -> float:
        """Return the bytes of gradients during the backward pass: kept in float32, and on their way."""
        kept = 4 * self.trained / self.shards
        if self.shards > 1:  # a layer's whole ones, and in float32 to be summed over GPUs
            return kept + (self.width + 4) * self.shape.layer * (self.settings.lora is None)
        return kept * (2 if self.strategy == "ddp" else 1)  # DDP's buckets are as large again

    def stepping(self) -> float:
        """Return the bytes that the end of an update needs beside states and kept gradients: the optimizer itself needs none.

        The gradients of embeddings and head are summed last; DDP's buckets stay. State that waits elsewhere comes weight by
        weight, of which the head or the embeddings are the largest; DeepSpeed steps in main memory.
        """
        visiting = 8 * min(self.shape.head, self.trained) / self.shards
        if not self.offloads("optimizer") or self.strategy == "zero3":
            visiting = 0.0
        if self.shards > 1:
            return max(visiting, (2 * self.width + 4) * self.embeddings * (self.settings.lora is None))
        return visiting + 4 * self.trained * (self.strategy == "ddp")

    def batch_tokens(self) -> tuple[float, float]:
        """Return the most tokens of a batch that is scored and of one that is learnt from, on one GPU."""
        settings = self.settings
        longest = min(settings.max_prompt_tokens + settings.decoding.max_new_tokens, self.shape.sizes.context)
        sequences = settings.prompts_per_step * settings.responses_per_prompt / self.gpus
        return (
            min(settings.scoring_batch_tokens, sequences * longest),
            min(settings.micro_batch_tokens, sequences / updates_per_step(settings) * longest),
        )

    def phases(self) -> list[Phase]:
        """Return rollout, scoring, backward pass and optimizer's step."""
        settings, shape, precision = self.settings, self.shape, self.precision
        rollout = self.states()
        if self.has_engine:
            rollout["vLLM"] = settings.vllm.gpu_memory_utilization * self.device.memory
            # One at a time: the largest, whole in float32, and in vLLM's format.
            rollout["handed to vLLM"] = (4 * (self.shards > 1) + self.width) * shape.head
        else:
            rollout["cache and logits"] = rollout_cache(shape, settings, 4)
        passing = passing_activations(shape, precision)
        scored, updated = self.batch_tokens()
        score = self.states() | {
            "gathered": self.gathered(),
            "activations": scored * passing,
            "logits": logit_blocks(shape, scored, precision, self.device.is_gpu, backward=False),
        }
        if self.needs_reference and self.offloads("reference") and self.shards == 1:
            score["reference"] = self.reference()
        backward = self.states() | {
            "gradients": self.gradients(),
            "gathered": self.gathered(),
            "activations": updated
            * (passing + kept_activations(shape, precision, settings.gradient_checkpointing)),
            "logits": logit_blocks(shape, updated, precision, self.device.is_gpu, backward=True),
        }
        step = self.states() | {
            "gradients": 4 * self.trained / self.shards,
            "summing and stepping": self.stepping(),
        }
        phases = {"rollout": rollout, "score": score, "backward": backward, "step": step}
        return [Phase(name, parts) for name, parts in phases.items()]

    def peak(self) -> Phase:
        """Return the phase that needs most."""
        return max(self.phases(), key=lambda phase: phase.total)

    def room(self) -> float:
        """Return the bytes that may be used: the GPU's, or those that the job asks for."""
        if self.device.is_gpu:
            return self.device.memory - RESERVED
        return self.model.resources.mem_mb * 2.0**20 - PROCESS

    @property
    def has_engine(self) -> bool:
        """Whether rollouts come from an engine that takes a share of the GPU."""
        return SAMPLERS[self.settings.backend].cache == "share"

    def engine_cache(self) -> float:
        """Return the bytes of vLLM's cache during rollouts; negative where its share does not hold the weights."""
        vllm = self.settings.vllm
        weights = self.width * self.shape.parameters / vllm.tensor_parallel
        return vllm.gpu_memory_utilization * self.device.memory - weights - ENGINE

    def longest(self) -> int:
        """Return the tokens of the longest sequence that vLLM must be able to hold, or refuses to start."""
        return min(self.settings.vllm.max_model_len or self.shape.sizes.context, self.shape.sizes.context)

    def host(self) -> float:
        """Return the bytes of each machine's memory while GPUs train.

        Every process loads weights and reference in float32; later it holds what waits there for the GPU.
        """
        loading = self.shape.parameters * (4 + 4 * self.needs_reference)
        waiting = self.offloads("optimizer") * 8 * self.trained / self.shards
        waiting += self.offloads("reference") * self.needs_reference * self.reference()
        return self.gpus / self.model.resources.nodes * (PROCESS + max(loading, waiting))


"""Sizes of the blocks of logits, as in sent/training/logprobs.py, which imports torch."""


def layer_activations(shape: Shape, precision: str) -> float:
    """Return the bytes a token that one layer keeps for its backward pass.

    Counted as Korthikanti et al. 2022 (section 4.1) count theirs, for a layer of Llama's kind with attention that
    keeps no scores (their term 5as/h): two norms, projections, attention's output and log-sum, gated MLP.
    ``precision``: `float32`, `bfloat16` (16-bit weights: FSDP, ZeRO) or `autocast` (float32 weights and residuals,
    16-bit products: one GPU and DDP).
    """
    sizes = shape.sizes
    width = 4 if precision == "float32" else 2
    # A norm keeps its input, the normalised input and its output; under autocast each projection its own 16-bit copy.
    residual = {"float32": 24, "bfloat16": 16, "autocast": 26}[precision] * sizes.hidden
    attention = 2 * width * (shape.query + shape.key) + 4 * sizes.heads
    if sizes.qk_norm:
        attention += (8 if width == 4 else 6) * (shape.query + shape.key) + 4 * (sizes.heads + sizes.kv_heads)
    return residual + attention + 4 * width * sizes.intermediate


def kept_activations(shape: Shape, precision: str, checkpointing: float) -> float:
    """Return the bytes a token that all layers keep until the backward pass, where a share of them recomputes its own.

    A layer that is recomputed keeps the residual at its beginning. Its activations, while they are there, take the place
    of the last layer's (:func:`sent.training.recomputation.keeping`); where all are recomputed, one layer's come on top.
    """
    residual = shape.sizes.hidden * (2 if precision == "bfloat16" else 4)
    layer = layer_activations(shape, precision)
    kept = sum(keeping(checkpointing, shape.sizes.layers))
    body = (shape.sizes.layers - kept) * residual + max(1, kept) * layer
    return body + shape.sizes.hidden * (7 if precision == "bfloat16" else 10)  # embedding and last norm


def passing_activations(shape: Shape, precision: str) -> float:
    """Return the bytes a token of what lives only while a layer computes: about three tensors of the MLP's width, two
    residuals in float32.
    """
    return (3 * (4 if precision == "float32" else 2)) * shape.sizes.intermediate + 8 * shape.sizes.hidden


def logit_blocks(shape: Shape, tokens: float, precision: str, on_gpu: bool, backward: bool) -> float:
    """Return the bytes of log-probabilities and entropies from hidden states, see :mod:`sent.training.logprobs`.

    Two float32 blocks [tokens, block] (three backward, the last in the factors' type), the hidden states and their
    float32 gradient, and backward a gradient of the head.
    """
    width = 4 if precision == "float32" else 2
    block = tokens * min(shape.sizes.vocabulary, block_width(tokens, on_gpu))
    hidden = tokens * shape.sizes.hidden
    total = 8 * block + width * hidden
    if backward:
        total += width * block + 4 * hidden + shape.head * (2 if precision == "bfloat16" else 4)
    return total


def plain_logits(shape: Shape, tokens: float) -> float:
    """Return what the same takes by way of all logits: float32 logits, log-probabilities, probabilities, gradient."""
    return 16.0 * tokens * shape.sizes.vocabulary


def rollout_cache(shape: Shape, settings: Training, width: int) -> float:
    """Return the bytes of a batch of the transformers sampler: its cache, and the last tokens' float32 logits."""
    length = min(shape.sizes.context, settings.max_prompt_tokens + settings.decoding.max_new_tokens)
    sequences = max(1, settings.rollout_batch_tokens // length)
    return settings.rollout_batch_tokens * shape.cache_bytes(width) + 8 * sequences * shape.sizes.vocabulary


GPU_COUNTS, GPUS_PER_NODE = (1, 2, 4, 8, 16, 32), 8
SHARES = [share / 100 for share in range(90, 5, -5)]
"""Shares of a GPU that vLLM may be given, the largest first."""
LAYER_SHARES = (0.25, 0.5, 0.75, True)
"""Shares of the layers that may be recomputed, the cheapest first."""


@dataclass(frozen=True)
class Remedy:
    """Settings that make a training fit: keys below the experiment's file, or resources of the model."""

    changes: dict[str, Any]
    trainer: TrainingMemory
    """The training with these changes."""

    @property
    def fits(self) -> bool:
        """Whether they are enough."""
        return not problems(self.trainer)


def problems(trainer: TrainingMemory) -> list[str]:
    """Return what is wrong, a sentence each; none where it fits."""
    found = []
    for phase in trainer.phases():
        if phase.total > trainer.room():
            largest = max(phase.parts, key=phase.parts.get)
            found.append(
                f"{phase.name} needs {phase.total / GIB:.1f} GiB of {trainer.room() / GIB:.1f}, most of it {largest} "
                f"({phase.parts[largest] / GIB:.1f})"
            )
    if trainer.has_engine:
        parts = trainer.settings.vllm.tensor_parallel
        needed = trainer.longest() * trainer.shape.cache_bytes(trainer.width) / parts
        if trainer.engine_cache() < needed:
            found.append(
                f"vLLM's share leaves {trainer.engine_cache() / GIB:.1f} GiB for its cache, and one sequence of "
                f"{trainer.longest()} tokens takes {needed / GIB:.1f}: it would not start"
            )
    if trainer.device.is_gpu and trainer.host() > trainer.model.resources.mem_mb * 2**20:
        found.append(
            f"its processes load {trainer.host() / GIB:.0f} GiB into the machine's memory, more than mem_mb grants"
        )
    return found


def remedy_of(trainer: TrainingMemory) -> Remedy:
    """Return changes that make it fit: batches first (no result depends on them), more GPUs last."""
    changed, changes = _with_offload(trainer)
    more = [count for count in GPU_COUNTS if count > trainer.gpus]
    while problems(changed) and more and trainer.device.is_gpu:
        count = more.pop(0)
        nodes = max(trainer.model.resources.nodes, -(-count // GPUS_PER_NODE))
        asked = {"gpus": count, "nodes": nodes, "accelerate": "fsdp2", "mem_mb": 10**9}
        resources = trainer.model.resources.model_copy(update=asked)
        larger = replace(trainer, model=trainer.model.model_copy(update={"resources": resources}))
        changed, changes = _with_offload(larger)
        changes["resources.gpus"] = count
        if nodes > trainer.model.resources.nodes:
            changes["resources.nodes"] = nodes
    if not problems(changed) and changed.host() > trainer.model.resources.mem_mb * 2**20:
        changes["resources.mem_mb"] = int(1.05 * changed.host() / 2**20)
    return Remedy(changes, changed)


def with_adapters(trainer: TrainingMemory) -> Remedy | None:
    """Return changes on the same GPUs by which low-rank adapters fit where all weights do not, or None."""
    if trainer.settings.lora is not None:
        return None
    settings = trainer.settings.model_copy(update={"lora": Lora()})
    changed, changes = _with_offload(replace(trainer, settings=settings))
    return None if problems(changed) else Remedy({"training.lora": "{}", **changes}, changed)


def _with_offload(trainer: TrainingMemory) -> tuple[TrainingMemory, dict[str, Any]]:
    """Change settings of batches and of vLLM; where that is not enough, let the reference wait elsewhere, then the optimizer."""
    changed, changes = _with_settings(trainer)
    offloads = (["reference"], ["optimizer", "reference"]) if trainer.needs_reference else (["optimizer"],)
    for offload in offloads if trainer.device.is_gpu else ():
        if problems(changed) and set(offload) > set(trainer.settings.offload):
            waiting = replace(trainer, settings=trainer.settings.model_copy(update={"offload": offload}))
            changed, changes = _with_settings(waiting)
            changes["training.offload"] = offload
    return changed, changes


def _with_settings(trainer: TrainingMemory) -> tuple[TrainingMemory, dict[str, Any]]:
    """Change settings of batches and of vLLM as far as it helps."""
    changes: dict[str, Any] = {}
    before = trainer.settings

    def change(key: str, value) -> TrainingMemory:
        changes[f"training.{key}"] = value
        settings = trainer.settings
        if key.startswith("vllm."):
            settings = settings.model_copy(
                update={"vllm": settings.vllm.model_copy(update={key.partition(".")[2]: value})}
            )
        else:
            settings = settings.model_copy(update={key: value})
        return replace(trainer, settings=settings)

    longest = trainer.settings.max_prompt_tokens + trainer.settings.decoding.max_new_tokens
    for share in LAYER_SHARES:
        if _over(trainer, "backward") and share > trainer.settings.gradient_checkpointing:
            trainer = change("gradient_checkpointing", share)
    batches = [("score", "scoring_batch_tokens"), ("backward", "micro_batch_tokens")]
    if not trainer.has_engine:
        batches.append(("rollout", "rollout_batch_tokens"))
    for phase, key in batches:
        while _over(trainer, phase) and getattr(trainer.settings, key) >= 2 * longest:
            trainer = change(key, getattr(trainer.settings, key) // 2)
    if trainer.has_engine:
        if problems(trainer) and longest < trainer.longest():
            trainer = change("vllm.max_model_len", longest)
        # An engine over several GPUs has to hold only a part of the weights on each.
        sizes = [
            size for size in (2, 4, 8) if trainer.gpus % size == trainer.shape.sizes.kv_heads % size == 0
        ]
        one = trainer.settings.vllm.tensor_parallel
        for size in dict.fromkeys([one, *sizes]):
            if size != one and problems(trainer):
                trainer = change("vllm.tensor_parallel", size)
            trainer = _with_share(trainer)
        # A `vllm:` of one's own has other defaults than training's.
        changed = trainer.settings.vllm != before.vllm
        if changed:
            changes["training.vllm.gpu_memory_utilization"] = trainer.settings.vllm.gpu_memory_utilization
    return trainer, changes


def _with_share(trainer: TrainingMemory) -> TrainingMemory:
    """Give vLLM the largest share that fits, if any does and what it has does not."""
    vllm = trainer.settings.vllm
    for share in SHARES if problems(trainer) else ():
        changed = vllm.model_copy(update={"gpu_memory_utilization": share})
        smaller = replace(trainer, settings=trainer.settings.model_copy(update={"vllm": changed}))
        if not problems(smaller):
            return smaller
    return trainer


def _over(trainer: TrainingMemory, name: str) -> bool:
    return any(phase.name == name and phase.total > trainer.room() for phase in trainer.phases())

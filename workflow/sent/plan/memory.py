"""Memory of one GPU (or of a job without one) by phase of training: what stays, and what a phase adds.

Everything follows what the code does: master weights in float32 with bfloat16 products, AdamW, and the sharing out of
states that ZeRO (Rajbhandari et al. 2020, section 3) describes: 16 bytes a parameter, divided by the GPUs that share it.
"""

from dataclasses import dataclass

from sent.config import SAMPLERS, Model, Training
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
        layers = self.shape.projections
        adapted = set(layers)
        if lora.targets != "all-linear":
            named = {target.rpartition(".")[2] for target in lora.targets}
            adapted = named if named <= adapted else adapted  # another family's names: all are counted
        return sizes.layers * lora.rank * sum(sum(layers[name]) for name in adapted)

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

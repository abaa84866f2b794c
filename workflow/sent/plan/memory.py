"""Memory of one GPU (or of a job without one) by phase of training: what stays, and what a phase adds.

Everything follows what the code does: master weights in float32 with bfloat16 products, AdamW, and the sharing out of
states that ZeRO (Rajbhandari et al. 2020, section 3) describes: 16 bytes a parameter, divided by the GPUs that share it.
"""

from dataclasses import dataclass

from sent.config import Model, Training
from sent.plan import activations
from sent.plan.devices import GIB, Device
from sent.plan.shape import Shape

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
class Trainer:
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
        """What :mod:`sent.plan.activations` calls the number formats."""
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
        parts = {
            "weights": per_weight * self.shape.parameters / self.shards,
            "optimizer": 8 * self.trained / self.shards,
        }
        if self.needs_reference:
            parts["reference"] = self.width * self.shape.parameters / self.shards
        if self.settings.backend == "transformers" and self.shards > 1:
            parts["sampler's copy"] = 4 * self.shape.parameters
        return parts

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
        """Return the bytes that the end of an update needs beside states and kept gradients.

        The gradients of embeddings and head are summed last; the optimizer computes on whole lists of weights, except where
        they are split.
        """
        if self.shards > 1:
            return (2 * self.width + 4) * self.embeddings * (self.settings.lora is None)
        return 4 * self.trained * (2 if self.strategy == "ddp" else 1)

    def batch_tokens(self) -> tuple[float, float]:
        """Return the most tokens of a batch that is scored and of one that is learnt from, on one GPU."""
        settings = self.settings
        longest = min(settings.max_prompt_tokens + settings.decoding.max_new_tokens, self.shape.sizes.context)
        sequences = settings.prompts_per_step * settings.responses_per_prompt / self.gpus
        return (
            min(settings.scoring_batch_tokens, sequences * longest),
            min(settings.micro_batch_tokens, sequences / settings.updates_per_step * longest),
        )

    def phases(self) -> list[Phase]:
        """Return rollout, scoring, backward pass and optimizer's step."""
        settings, shape, precision = self.settings, self.shape, self.precision
        rollout = self.states()
        if settings.backend == "vllm":
            rollout["vLLM"] = settings.vllm.gpu_memory_utilization * self.device.memory
            # One at a time: the largest, whole in float32, and in vLLM's format.
            rollout["handed to vLLM"] = (4 * (self.shards > 1) + self.width) * shape.head
        else:
            rollout["cache and logits"] = activations.rollout_cache(shape, settings, 4)
        passing = activations.passing(shape, precision)
        scored, updated = self.batch_tokens()
        score = self.states() | {
            "gathered": self.gathered(),
            "activations": scored * passing,
            "logits": activations.logit_blocks(shape, scored, precision, backward=False),
        }
        backward = self.states() | {
            "gradients": self.gradients(),
            "gathered": self.gathered(),
            "activations": updated
            * (passing + activations.kept(shape, precision, settings.gradient_checkpointing)),
            "logits": activations.logit_blocks(shape, updated, precision, backward=True),
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

    def engine_cache(self) -> float:
        """Return the bytes of vLLM's cache during rollouts; negative where its share does not hold the weights."""
        vllm = self.settings.vllm
        weights = self.width * self.shape.parameters / vllm.tensor_parallel
        return vllm.gpu_memory_utilization * self.device.memory - weights - ENGINE

    def longest(self) -> int:
        """Return the tokens of the longest sequence that vLLM must be able to hold, or refuses to start."""
        return min(self.settings.vllm.max_model_len or self.shape.sizes.context, self.shape.sizes.context)

    def host(self) -> float:
        """Return the bytes of each machine's memory while GPUs train: every process loads float32 weights and the reference,
        and vLLM's weights sleep there.
        """
        asleep = 2 * (self.settings.backend == "vllm")
        return (
            self.gpus
            / self.model.resources.nodes
            * (PROCESS + self.shape.parameters * (4 + 2 * self.needs_reference + asleep))
        )

"""What to do where a training does not fit its GPUs, or a job's memory: what is wrong, and settings that make it fit."""

from dataclasses import dataclass, replace
from typing import Any

from sent.config import Lora
from sent.plan.memory import TrainingMemory
from sent.plan.sizes import GIB

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
            largest = max(phase.parts, key=phase.parts.__getitem__)
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

    def change(key: str, value: Any) -> TrainingMemory:
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

"""A job of the estimate, and the jobs that prepare models."""

from dataclasses import dataclass

from sent.config import Model
from sent.plan.devices import CPU
from sent.plan.memory import PROCESS
from sent.plan.seconds import ARITHMETIC, Runner
from sent.plan.shape import Shape

LIGHT_PROCESS = 0.13e9
"""Resident memory of a process that has not (measured)."""

START, LIGHT_START = 6.0, 0.8
"""Seconds until a process has loaded torch and transformers, or only what other commands need (measured)."""

READ = 1e9
"""Bytes a second at which weights are read (assumed)."""

PAIR_TOKENS = 100
"""Of a pair of sentences that entailment models read."""

PRETRAINING_TOKENS = 20
"""Tokens of a text that embedded models are pretrained on."""


@dataclass(frozen=True)
class Job:
    """One job. ``name`` is its benchmark file's below results/{experiment}/benchmarks/, without the ending."""

    rule: str
    model: str
    name: str
    seconds: float
    gpus: int = 0
    tokens: float = 0.0
    memory: float = PROCESS
    disk: float = 0.0
    later_removed: float = 0.0
    """Bytes of ``disk`` that stay only until checkpoints are pruned."""

    @property
    def gpu_hours(self) -> float:
        """GPUs times hours."""
        return self.gpus * self.seconds / 3600


def prepare_model(name: str, model: Model, shape: Shape) -> Job:
    """Return the job that fetches a policy, or pretrains an embedded one. The download is not counted."""
    size = shape.parameters * (4 if model.dtype == "float32" else 2)
    seconds = START + size / READ
    if model.pretrain is not None:
        settings = model.pretrain
        runner = Runner(shape, CPU, model.resources.threads, 4)
        flops = 3 * settings.batch * PRETRAINING_TOKENS * shape.forward_flops(PRETRAINING_TOKENS / 2)
        # The optimizer's operations take about as long to start as one more layer's.
        seconds = START + settings.steps * runner.compute(flops, 3 * (shape.sizes.layers + 1))
    return Job("prepare_model", name, f"models/{name}", seconds, disk=size)


def prepare_nli(name: str, model: Model, shape: Shape | None) -> Job:
    """Return the job that fetches an entailment model of a known shape, or trains the embedded one."""
    if model.nli is None:
        size = 4 * shape.parameters
        return Job("prepare_nli", name, f"models/nli/{name}", START + size / READ, disk=size)
    nli = model.nli
    weights = nli.layers * 8 * nli.hidden**2  # attention's four matrices, and an MLP of twice the width
    flops = 6 * weights * nli.steps * nli.batch * PAIR_TOKENS / 2  # half of the pairs are short
    seconds = 2 * START + flops / (ARITHMETIC * CPU.flops)
    return Job("prepare_nli", name, f"models/nli/{name}", seconds, disk=4 * weights)

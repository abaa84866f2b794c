"""The seconds of a training step, phase by phase."""

import math
from dataclasses import dataclass

from sent.config import Method
from sent.plan.memory import Trainer
from sent.plan.seconds import Runner
from sent.plan.workload import Lengths

ANSWER_SECONDS = 1.25e-3
"""Processor time of grading one answer: 2.4 million took 50 minutes of one core."""

OPTIMIZER_BYTES = 28
"""Bytes that AdamW reads and writes a weight: weight, gradient and two moments, all but the gradient twice."""

HOST_LINK = 2.5e10
"""Bytes a second between the machine's memory and a GPU (PCIe 4 x16, somewhat under its 32 GB/s)."""


@dataclass(frozen=True)
class TrainingTime:
    """The seconds of one step of a method, with responses of known mean length. Work is shared evenly by processes."""

    trainer: Trainer
    method: Method
    lengths: Lengths
    threads: int
    workers: int

    @property
    def sequences(self) -> int:
        """Responses of a step, of all processes."""
        return self.trainer.settings.prompts_per_step * self.trainer.settings.responses_per_prompt

    @property
    def tokens(self) -> float:
        """Tokens of a step's prompts and responses."""
        return self.sequences * self.lengths.total

    def phases(self) -> dict[str, float]:
        """Return seconds of rollout, scoring and update."""
        return {"rollout": self._rollout(), "score": self._score(), "update": self._update()}

    def _runner(self, width: int) -> Runner:
        return Runner(self.trainer.shape, self.trainer.device, self.threads, width)

    def _rollout(self) -> float:
        trainer, settings = self.trainer, self.trainer.settings
        is_vllm = settings.backend == "vllm"
        width = trainer.width if is_vllm else 4
        cache = trainer.engine_cache()
        if not is_vllm:
            cache = settings.rollout_batch_tokens * trainer.shape.cache_bytes(width)
        elif cache <= 0:  # it would not start; what would it take if it did?
            cache = trainer.longest() * trainer.shape.cache_bytes(width) / settings.vllm.tensor_parallel
        parts = settings.vllm.tensor_parallel if is_vllm else 1
        written = self._runner(width).split(parts).generate(
            self.sequences / trainer.gpus * parts, self.lengths.prompt, self.lengths.response,
            settings.responses_per_prompt, cache * parts, is_vllm,
        )  # fmt: skip
        moved = 0.0
        if is_vllm:  # asleep in the machine's memory, then replaced by the trainer's
            moved = trainer.width * trainer.shape.parameters / HOST_LINK
            if trainer.shards > 1:  # a weight at a time, in the trainer's float32
                moved += 4 * trainer.shape.parameters / trainer.device.link
        grading = self.sequences / trainer.gpus * ANSWER_SECONDS / self.workers
        return (written + moved + grading) * (1 + settings.dynamic_sampling_rounds)

    def _passes(self, flops: float, tokens: float, batch: int, launches: float, exchanged: float) -> float:
        """Return the seconds of passes over one process's ``tokens`` in batches of ``batch`` tokens."""
        trainer = self.trainer
        batches = max(1, math.ceil(tokens / batch))
        computed = self._runner(trainer.width).compute(flops, launches * batches * trainer.shape.sizes.layers)
        if trainer.shards == 1:
            return computed
        sent = batches * exchanged * (trainer.gpus - 1) / trainer.gpus
        return max(computed, sent / trainer.device.link)

    def _forward_flops(self) -> float:
        """Operations of a forward pass over one process's share; prompts get no logits."""
        share = self.lengths.response / self.lengths.total
        return (
            self.tokens / self.trainer.gpus * self.trainer.shape.forward_flops(self.lengths.total / 2, share)
        )

    def _score(self) -> float:
        trainer, settings = self.trainer, self.trainer.settings
        gathered = trainer.width * trainer.shape.parameters
        tokens = self.tokens / trainer.gpus
        once = self._passes(self._forward_flops(), tokens, settings.scoring_batch_tokens, 1, gathered)
        # Methods that weigh tokens look again before each later update of a rollout.
        later = (settings.updates_per_step - 1) / settings.updates_per_step
        again = later if self.method.objective != "grpo" else 0
        return once * (1 + self.method.needs_reference + again)

    def _update(self) -> float:
        trainer, settings = self.trainer, self.trainer.settings
        forward = self._forward_flops()
        # Forward 1, backward 2 (Hoffmann et al. 2022, appendix F: C = 6ND); recomputed: layers where asked, logits always.
        head = self.sequences * self.lengths.response / trainer.gpus * 2 * trainer.shape.head
        flops = forward * (3 + settings.gradient_checkpointing) + head
        # Weights are gathered forward and backward, gradients scattered in float32 (Rajbhandari et al. 2020, section 7).
        exchanged = (2 * trainer.width + 4) * trainer.shape.parameters
        tokens, updates = self.tokens / trainer.gpus, settings.updates_per_step
        batch = min(settings.micro_batch_tokens, math.ceil(tokens / updates))
        passed = self._passes(flops, tokens, batch, 3 + settings.gradient_checkpointing, exchanged)
        stepped = self._runner(4).traffic(OPTIMIZER_BYTES * trainer.trained / trainer.shards)
        if trainer.strategy == "ddp":  # one sum of all gradients
            stepped += 2 * 4 * trainer.trained / trainer.device.link
        return passed + updates * stepped

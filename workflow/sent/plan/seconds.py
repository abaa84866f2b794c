"""Time of passes over tokens and of training steps: the longest of arithmetic, memory traffic, communication and launching
operations.
"""

import math
from dataclasses import dataclass, replace

from sent.config import Method
from sent.plan.memory import TrainingMemory
from sent.plan.sizes import Device, Shape
from sent.training import recipe
from sent.training.recipe import updates_per_step
from sent.training.recomputation import keeping

ARITHMETIC = 0.4
"""Share of the peak arithmetic rate that forward and backward passes reach (assumed; published runs: 0.3 to 0.5)."""

BANDWIDTH = 0.6
"""Share of the peak bandwidth that decoding and the optimizer reach (assumed)."""

HOST_LINK = 1e10
"""Bytes a second between a machine's memory and its GPU (assumed: PCIe 4, memory that is not pinned)."""

LAUNCH = 3e-4
"""Seconds in which a layer's some thirty operations are started, one after the other (measured on a CPU)."""

ENGINE_STEP = 5e-3
"""Seconds that vLLM's scheduler takes for a step of decoding (assumed)."""

LONGEST_QUEUE = {True: 1024, False: 256}
"""Sequences that vLLM decodes at once by default: on GPUs of 70 GiB and more, and on others."""


@dataclass(frozen=True)
class Runner:
    """A model on one or more devices, as one job uses them."""

    shape: Shape
    device: Device
    count: int
    """GPUs that share the work, or CPU threads."""
    width: int
    """Bytes of a weight."""

    def split(self, parts: int) -> "Runner":
        """Return the same with every matrix split over ``parts`` devices; what they tell each other is not counted."""
        device = replace(
            self.device, flops=self.device.flops * parts, bandwidth=self.device.bandwidth * parts
        )
        return replace(self, device=device)

    def _rate(self, peak: float) -> float:
        return peak * (1 if self.device.is_gpu else self.count)

    def compute(self, flops: float, launches: float) -> float:
        """Return the seconds of ``flops`` operations on one device (all threads of a CPU) in passes that start
        ``launches`` layers.
        """
        arithmetic = flops / (ARITHMETIC * self._rate(self.device.flops))
        # A GPU is told the next operations while it works; a CPU does both itself.
        return max(arithmetic, launches * LAUNCH) if self.device.is_gpu else arithmetic + launches * LAUNCH

    def traffic(self, size: float) -> float:
        """Return the seconds in which one device reads or writes ``size`` bytes."""
        return size / (BANDWIDTH * self._rate(self.device.bandwidth))

    def forward(self, tokens: float, context: float, with_head: float, passes: float) -> float:
        """Return the seconds of forward passes over ``tokens`` of one device."""
        return self.compute(
            tokens * self.shape.forward_flops(context, with_head), passes * self.shape.sizes.layers
        )

    def generate(
        self, sequences: float, prompt: float, response: float, copies: int, cache: float, engine: bool
    ) -> float:
        """Return the seconds in which one device writes ``sequences`` responses.

        ``copies`` of each prompt share its cache; ``cache`` bytes hold what is being written. A step of decoding reads all
        weights and the cache once, and does 2 operations a weight and sequence.
        """
        if sequences <= 0:
            return 0.0
        shape, mean = self.shape, prompt + response / 2
        queue = LONGEST_QUEUE[self.device.memory >= 70 * 2**30] if engine else math.inf
        a_token = shape.cache_bytes(self.width)
        at_once = max(1.0, min(sequences, queue, cache / (a_token * mean)))
        steps = sequences * response / at_once
        step = max(
            self.traffic(self.width * shape.parameters + at_once * mean * a_token),
            self.compute(at_once * shape.forward_flops(mean), 0 if engine else shape.sizes.layers),
        )
        prefill = self.forward(sequences / copies * prompt, prompt / 2, 0.0, sequences / copies / 64)
        return prefill + steps * (step + ENGINE_STEP * engine)


@dataclass(frozen=True)
class Lengths:
    """Mean tokens of a prompt and of a response, and whether the latter was measured."""

    prompt: float
    response: float
    measured: bool

    @property
    def total(self) -> float:
        """Both together."""
        return self.prompt + self.response


ANSWER_SECONDS = 1.25e-3
"""Processor time of grading one answer: 2.4 million took 50 minutes of one core."""

OPTIMIZER_BYTES = 28
"""Bytes that AdamW reads and writes a weight: weight, gradient and two moments, all but the gradient twice."""


@dataclass(frozen=True)
class TrainingTime:
    """The seconds of one step of a method, with responses of known mean length. Work is shared evenly by processes."""

    trainer: TrainingMemory
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

    def asking(self, questions: int, responses: int) -> "TrainingTime":
        """Return the step whose rollout and scoring take as long as asking the probe once: no reference looks at it."""
        sizes = {
            "prompts_per_step": questions,
            "responses_per_prompt": responses,
            "minibatch_prompts": questions,
            "dynamic_sampling_rounds": 0,
        }
        settings = self.trainer.settings.model_copy(update=sizes)
        return replace(self, trainer=replace(self.trainer, settings=settings), method=Method())

    def _runner(self, width: int) -> Runner:
        return Runner(self.trainer.shape, self.trainer.device, self.threads, width)

    def _rollout(self) -> float:
        trainer, settings = self.trainer, self.trainer.settings
        width = trainer.width if trainer.has_engine else 4
        cache = trainer.engine_cache()
        if not trainer.has_engine:
            cache = settings.rollout_batch_tokens * trainer.shape.cache_bytes(width)
        elif cache <= 0:  # it would not start; what would it take if it did?
            cache = trainer.longest() * trainer.shape.cache_bytes(width) / settings.vllm.tensor_parallel
        parts = settings.vllm.tensor_parallel if trainer.has_engine else 1
        written = self._runner(width).split(parts).generate(
            self.sequences / trainer.gpus * parts, self.lengths.prompt, self.lengths.response,
            settings.responses_per_prompt, cache * parts, trainer.has_engine,
        )  # fmt: skip
        moved = 0.0
        if trainer.has_engine and trainer.shards > 1:  # a weight at a time, in the trainer's float32
            moved = 4 * trainer.shape.parameters / trainer.device.link
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
        # Methods that weigh tokens by the current policy look again before each later update of a rollout.
        updates = updates_per_step(settings)
        again = (updates - 1) / updates if recipe.needs_current_policy(self.method) else 0
        passed = once * (1 + recipe.needs_reference(self.method) + again)
        if not (recipe.needs_reference(self.method) and trainer.offloads("reference")):
            return passed
        # There and back if it is whole; a split one's pieces come for every batch.
        batches = math.ceil(tokens / settings.scoring_batch_tokens)
        return passed + (2 if trainer.shards == 1 else batches) * trainer.reference() / HOST_LINK

    def _update(self) -> float:
        trainer, settings = self.trainer, self.trainer.settings
        forward = self._forward_flops()
        # Forward 1, backward 2 (Hoffmann et al. 2022, appendix F: C = 6ND); recomputed: layers where asked, logits always.
        head = self.sequences * self.lengths.response / trainer.gpus * 2 * trainer.shape.head
        layers = keeping(settings.gradient_checkpointing, trainer.shape.sizes.layers)
        passes = 3 + layers.count(False) / len(layers)
        flops = forward * passes + head
        # Weights are gathered forward and backward, gradients scattered in float32 (Rajbhandari et al. 2020, section 7).
        exchanged = (2 * trainer.width + 4) * trainer.shape.parameters
        tokens, updates = self.tokens / trainer.gpus, updates_per_step(settings)
        batch = min(settings.micro_batch_tokens, math.ceil(tokens / updates))
        passed = self._passes(flops, tokens, batch, passes, exchanged)
        stepped = self._runner(4).traffic(OPTIMIZER_BYTES * trainer.trained / trainer.shards)
        if trainer.offloads("optimizer"):  # its two moments there and back
            stepped += 16 * trainer.trained / trainer.shards / HOST_LINK
        if trainer.strategy == "ddp":  # one sum of all gradients
            stepped += 2 * 4 * trainer.trained / trainer.device.link
        return passed + updates * stepped

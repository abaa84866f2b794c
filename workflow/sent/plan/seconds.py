"""Time of passes over tokens: the longest of arithmetic, memory traffic, communication and launching operations."""

import math
from dataclasses import dataclass, replace

from sent.plan.devices import Device
from sent.plan.shape import Shape

ARITHMETIC = 0.4
"""Share of the peak arithmetic rate that forward and backward passes reach (assumed; published runs: 0.3 to 0.5)."""

BANDWIDTH = 0.6
"""Share of the peak bandwidth that decoding and the optimizer reach (assumed)."""

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

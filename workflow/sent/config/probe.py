"""Questions that training asks of its policy on its way, and never learns from."""

from typing import Self

from pydantic import Field, model_validator

from sent.config.base import Settings
from sent.config.data import Source


class Probe(Settings):
    """Questions asked of every method alike while it trains, held out from training and benchmarks: of `source`, or
    `count` of the training questions.
    """

    count: int | None = Field(
        None,
        ge=1,
        description="so many of the training questions, drawn by their ids, are taken out of training",
    )
    source: Source | None = Field(
        None,
        description="where they come from instead; those that stand in the training questions are left out, which "
        "keeps training as it is",
    )
    n: int = Field(4, ge=1, description="responses to each, each time, drawn as rollouts are")
    every: int = Field(
        20, ge=1, description="rollout steps between two times; the first and the last policy are asked, too"
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.count is None) == (self.source is None):
            found = "both" if self.source else "neither"
            raise ValueError(f"give one of count and source, found {found}")
        return self

    def is_due(self, step: int, last: int) -> bool:
        """Whether the policy after ``step`` of ``last`` steps is asked: the same for every method, stages or none."""
        return step % self.every == 0 or step == last

    def times(self, first: int, end: int, last: int) -> int:
        """Return how many of the steps from ``first`` up to ``end`` are due, both counted."""
        multiples = end // self.every - (first - 1) // self.every
        return multiples + (first <= last <= end and last % self.every > 0)

"""How results are summed up."""

from pydantic import Field

from sent.config.base import Settings


class Results(Settings):
    """Stage `results`."""

    overlap_words: int = Field(
        8,
        ge=1,
        description="words, numbers and signs of an n-gram in the search for benchmark questions among the training questions",
    )
    overlap_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="share of a benchmark question's n-grams in one training question that flags it, if that has "
        "all of its numbers, too",
    )

"""How answers are compared."""

from typing import Literal

from pydantic import Field

from sent.config.base import Settings

PHRASES = [
    *("answer is", "answers are", "answer:", "**answer**", "# answer", "# final answer", "**final answer**"),
    *("####", "<answer>", "<final_answer>", "答案是", "答案为", "答案：", "答案:"),
]
"""What announces an answer, whatever the case of its letters."""

THINKING_TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "<|channel|>analysis": "<|channel|>final",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "◁think▷": "◁/think▷",
}
"""What opens a model's thinking -> what closes it."""


class Grading(Settings):
    """Stage `grading`, and the reward of training."""

    OPERATION = frozenset({"workers"})

    timeout_seconds: float = Field(
        5.0,
        gt=0,
        description="processor time of one comparison, in seconds; by the clock it may take four times as long",
    )
    memory_mb: int = Field(2048, ge=256, description="memory limit of one worker process, in MB")
    workers: int = Field(1, ge=1, description="worker processes")
    max_answer_chars: int = Field(4000, ge=1, description="a longer answer is wrong, unread")
    fallback_phrases: list[str] = Field(
        [],
        description="for models that write no box: the answer is what the last of these announces, such as `answer is`",
    )
    thinking_tags: dict[str, str] = Field(
        THINKING_TAGS,
        description="what opens a model's thinking -> what closes it; an answer stands behind it",
    )
    read_unclosed_thinking: bool = Field(
        False, description="look for an answer in thinking that was cut off, too"
    )
    percent: Literal["either", "value", "sign"] = Field(
        "either",
        description="`50%`: either 0.5 or 50, whichever the gold answer is; `value`: 0.5 only; `sign`: 50 only",
    )
    units: Literal["optional", "ignore", "required"] = Field(
        "optional",
        description="`optional`: may be left out, but two known units must be one; `ignore`: never compared; "
        "`required`: must be there if the gold answer has one",
    )
    order: Literal["notation", "ignore", "strict"] = Field(
        "notation",
        description="`notation`: counts in parentheses and brackets, not in bare lists and braces; `ignore`: not in "
        "parentheses either; `strict`: also in bare lists",
    )
    significant_digits: int = Field(
        3,
        ge=0,
        description="a decimal gold is met by its rounding to so many digits or more (0: never); integers never",
    )
    exact_gold_digits: int = Field(
        6,
        ge=0,
        description="an exact gold such as 1/3 is met by its rounding to so many digits or more (0: never)",
    )
    relative_tolerance: float = Field(
        0.0, ge=0, lt=1, description="relative error allowed against a decimal gold"
    )
    absolute_tolerance: float = Field(0.0, ge=0, description="absolute error allowed against any number")

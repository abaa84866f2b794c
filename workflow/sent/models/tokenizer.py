"""The embedded tokenizer: words and numbers below 100 whole, saved as a normal tokenizer."""

import re
from typing import TYPE_CHECKING

from sent.data import arithmetic
from sent.seeding import generator_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PIECES = re.compile(r" ?\\boxed\{| ?\.0| ?[A-Za-z]+| ?[0-9]{1,2}| ?[^\sA-Za-z0-9]|\s")
"""One token: a word, a number or a sign, each with the space before it. A larger number is cut after two digits."""

PAD, END = "<pad>", "<end>"


def pieces(text: str) -> list[str]:
    """Split a text into tokens; joined they give the text back."""
    return PIECES.findall(text)


def vocabulary(samples: int = 20_000) -> list[str]:
    """Return the sorted tokens of the generated texts."""
    rng = generator_of("vocabulary")
    found = {f"{space}{form}" for space in ("", " ") for n in range(100) for form in (f"{n}", f"{n:02}")}
    for _ in range(samples):
        _, _, problem = arithmetic.draw(rng, list(arithmetic.FAMILIES), list(arithmetic.LEVELS), "train")
        found.update(pieces(prompt(problem.question)))
        found.update(pieces(arithmetic.solution(rng, problem, 0.5, 0.5)))
    return [PAD, END, *sorted(found)]


def prompt(question: str) -> str:
    """Return the text that the embedded models are asked with; solutions follow it directly."""
    return f"{question}\n"


def arithmetic_tokenizer() -> "PreTrainedTokenizerFast":
    """Return a ``PreTrainedTokenizerFast`` that AutoTokenizer loads after ``save_pretrained``."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = vocabulary()
    tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token=PAD))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES.pattern), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )

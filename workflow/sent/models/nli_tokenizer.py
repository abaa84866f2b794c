"""The entailment model's tokenizer: words and whole numbers are single tokens."""

import re
from typing import TYPE_CHECKING

from sent.models import nli_pairs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, UNKNOWN, CLASSIFY, SEPARATE = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")

PIECES = re.compile(
    r"(?<![\d.])(?:0|-?[1-9]\d{0,2}|1\d{3})(?!\d)|(?<=\d)\.(?:00?|[1-9])(?!\d)|\d|[a-z]+|[^\sa-z\d]"
)
"""A token: a number of :data:`nli_pairs.NUMBERS`, what follows it in :data:`DECIMALS`, a digit of any other
number, a word or a sign."""

DECIMALS = (".0", ".00", *(f".{digit}" for digit in range(1, 10)))


def vocabulary(texts: list[str]) -> list[str]:
    """Return the special tokens, the words and signs of the texts, and all numbers and digits."""
    found = {piece for text in texts for piece in PIECES.findall(text.lower())}
    words = sorted(piece for piece in found if not re.search(r"\d", piece))
    return [*SPECIAL, *words, *DECIMALS, *map(str, nli_pairs.NUMBERS)]


def pair_tokenizer(texts: list[str], longest: int) -> "PreTrainedTokenizerFast":
    """Return a fast tokenizer for pairs of texts that AutoTokenizer loads after ``save_pretrained``."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokens = {token: number for number, token in enumerate(vocabulary(texts))}
    tokenizer = Tokenizer(models.WordLevel(tokens, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES.pattern), behavior="removed", invert=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{CLASSIFY} $A {SEPARATE}",
        pair=f"{CLASSIFY} $A {SEPARATE} $B:1 {SEPARATE}:1",
        special_tokens=[(token, tokens[token]) for token in (CLASSIFY, SEPARATE)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        cls_token=CLASSIFY,
        sep_token=SEPARATE,
        model_max_length=longest,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )

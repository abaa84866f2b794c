"""Entailment by a language model: any sequence classifier with the labels of natural language inference."""

import re
from pathlib import Path

import numpy as np

from sent.batching import by_token_budget
from sent.config import SemanticEntropy
from sent.errors import SentError
from sent.models.folder import check
from sent.semantic_entropy.entailment import Advance, Judgement, Label, Pair, silent
from sent.semantic_entropy.entailment.labels import label_order
from sent.semantic_entropy.entailment.workers import Workers

_SHORTEST = 0.8
"""Pairs shorter than this share of a batch's longest go into the next batch: 1.6 times faster on a CPU than batches
that only the budget ends, as the pairs of a round differ much in length."""


class Nli:
    """Judges "question + final answer" sentences by the NLI model in ``folder``.

    Pairs are sorted by length and cut into batches before they are given to processes: every batch is the
    same for any number of processes. Pairs longer than the model's context keep their ends and are counted.
    """

    symmetric = False

    def __init__(self, settings: SemanticEntropy, folder: str | Path):
        label_order(folder)  # a wrong model is an error now, not in a worker
        check(Path(folder), str(folder))
        self.folder, self.settings = folder, settings
        self.truncated = self.rescored = self.judged = 0

    def __enter__(self) -> "Nli":
        from transformers import AutoConfig

        from sent.semantic_entropy.entailment.scorer import context, load_tokenizer

        self.tokenizer = load_tokenizer(self.folder)
        self.max_length = context(self.tokenizer, AutoConfig.from_pretrained(self.folder))
        self.workers = Workers(self.folder, self.settings.precision, self.settings.processes)
        return self

    def __exit__(self, *error: object) -> None:
        self.workers.close()

    def key(self, pair: Pair) -> Pair:
        """The question is read, too."""
        return pair

    def judge(self, pairs: list[Pair], advance: Advance = silent) -> list[Judgement]:
        """Judge pairs by the likeliest label."""
        return [Judgement(Label(int(row.argmax())), "nli") for row in self.probabilities(pairs, advance)]

    def probabilities(self, pairs: list[Pair], advance: Advance = silent) -> np.ndarray:
        """Return ``[n, 3]`` probabilities of contradiction, neutral and entailment.

        Raises :class:`SentError` that names the pair whose scores are not finite.
        """
        scores = np.empty((len(pairs), 3))
        texts = [
            (
                fill(self.settings.template, p.question, p.premise),
                fill(self.settings.template, p.question, p.hypothesis),
            )
            for p in pairs
        ]
        texts, lengths = self._fitted(texts)
        batches = by_token_budget(lengths, self.settings.batch_tokens, _SHORTEST)
        results = self.workers.score([[texts[i] for i in batch] for batch in batches])
        for batch, result in zip(batches, results, strict=True):
            scores[batch] = result.probabilities
            self.rescored += result.rescored
            advance(len(batch))
        self.judged += len(pairs)
        self._check_finite(scores, texts)
        return scores

    def facts(self) -> dict[str, str]:
        """The model's folder name and counts of what was cut or scored twice."""
        return {
            "nli_model": Path(self.folder).name,
            "nli_truncated_pairs": str(self.truncated),
            "nli_rescored_pairs": str(self.rescored),
        }

    def _fitted(self, texts: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[int]]:
        """Cut pairs to the model's context at their beginnings; return them and their lengths in tokens.

        The tokenizer could cut them itself, but it also builds every combination of the parts cut off: two
        texts of 100,000 characters would fill the memory.
        """
        distinct = list(dict.fromkeys(text for pair in texts for text in pair))
        if not distinct:
            return texts, []
        ids = self.tokenizer(distinct, add_special_tokens=False, verbose=False)["input_ids"]
        size = dict(zip(distinct, map(len, ids), strict=True))
        room = self.max_length - self.tokenizer.num_special_tokens_to_add(pair=True)
        fitted, lengths = [], []
        for one, other in texts:
            kept = share_room(size[one], size[other], room)
            if sum(kept) < size[one] + size[other]:
                self.truncated += 1
                one, other = (self._end(text, keep) for text, keep in zip((one, other), kept, strict=True))
            fitted.append((one, other))
            lengths.append(sum(kept))
        return fitted, lengths

    def _end(self, text: str, keep: int) -> str:
        """The last ``keep`` tokens of a text."""
        offsets = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        starts = [start for start, _ in offsets["offset_mapping"]]
        return text[starts[-keep] :] if keep < len(starts) else text

    def _check_finite(self, scores: np.ndarray, texts: list[tuple[str, str]]) -> None:
        bad = np.flatnonzero(~np.isfinite(scores).all(axis=1))
        if len(bad):
            premise, hypothesis = texts[bad[0]]
            raise SentError(
                f"{self.folder}: the model's scores are not finite ({scores[bad[0]].tolist()}) for "
                f"{len(bad)} pairs, the first: premise {_short(premise)}, hypothesis {_short(hypothesis)}; "
                "try `precision: float32`, or another model"
            )


def share_room(one: int, other: int, room: int) -> tuple[int, int]:
    """Return how many tokens of two texts stay: the longer one is cut first, until they are equally long."""
    if one + other <= room:
        return one, other
    smaller = min(one, other, room // 2)
    return (smaller, min(other, room - smaller)) if one <= other else (min(one, room - smaller), smaller)


def fill(template: str, question: str, answer: str) -> str:
    """Replace ``{question}`` and ``{answer}`` in one pass: braces inside the values stay as they are."""
    return re.sub(
        r"\{(question|answer)\}", lambda found: question if found[1] == "question" else answer, template
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 200 else f"{text[:80]} ... {text[-80:]}")

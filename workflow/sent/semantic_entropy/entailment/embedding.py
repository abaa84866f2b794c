"""Equivalence by sentence embeddings: answers whose vectors point the same way mean the same."""

import math
from pathlib import Path

from sent.config import SemanticEntropy
from sent.errors import SentError
from sent.semantic_entropy.entailment import Advance, Judgement, Label, Pair, silent
from sent.semantic_entropy.entailment.nli import fill


class Embedding:
    """Judges by the cosine of "question + final answer" sentences under a sentence-transformers model.

    At or above `cosine_threshold` both directions entail; below, the pair is neutral.
    """

    symmetric = True

    def __init__(self, settings: SemanticEntropy, folder: str | Path):
        if not (Path(folder) / "modules.json").is_file():
            raise SentError(
                f"{folder}: no sentence embedding model: it lacks the modules.json of sentence-transformers"
            )
        self.folder, self.settings, self.judged = str(folder), settings, 0

    def __enter__(self) -> "Embedding":
        from sentence_transformers import SentenceTransformer

        try:
            self.model = SentenceTransformer(self.folder, model_kwargs={"use_safetensors": True})
        except (OSError, ValueError, RuntimeError) as error:
            raise SentError(f"{self.folder}: cannot be loaded: {' '.join(str(error).split())}") from None
        self.model.tokenizer.truncation_side = "left"  # the final answer stands at the end
        return self

    def __exit__(self, *error: object) -> None:
        del self.model

    def key(self, pair: Pair) -> Pair:
        """The question is read, too."""
        return pair

    def judge(self, pairs: list[Pair], advance: Advance = silent) -> list[Judgement]:
        """Judge pairs; every distinct sentence is embedded once."""
        if not pairs:
            return []
        template = self.settings.template
        sentences = [
            (fill(template, p.question, p.premise), fill(template, p.question, p.hypothesis)) for p in pairs
        ]
        row = {text: i for i, text in enumerate(dict.fromkeys(text for both in sentences for text in both))}
        vectors = self.model.encode(list(row), normalize_embeddings=True, show_progress_bar=False)
        labels = []
        for premise, hypothesis in sentences:
            cosine = float(vectors[row[premise]] @ vectors[row[hypothesis]])
            if not math.isfinite(cosine):
                raise SentError(
                    f"{self.folder}: the embedding of {premise!r:.200} or {hypothesis!r:.200} is not finite"
                )
            labels.append(Label.ENTAILMENT if cosine >= self.settings.cosine_threshold else Label.NEUTRAL)
        advance(len(pairs))
        self.judged += len(pairs)
        return [Judgement(label, "embedding") for label in labels]

    def facts(self) -> dict[str, str]:
        """The model's folder name and the threshold."""
        return {
            "embedding_model": Path(self.folder).name,
            "cosine_threshold": str(self.settings.cosine_threshold),
        }

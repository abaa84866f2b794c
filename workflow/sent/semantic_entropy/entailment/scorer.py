"""An NLI model on one device: texts in, probabilities out."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

from sent.errors import SentError
from sent.semantic_entropy.entailment.labels import label_order

Texts = tuple[str, str]
"""A premise and a hypothesis as the model reads them."""


class Scores(NamedTuple):
    """Probabilities ``[n, 3]`` of contradiction, neutral, entailment; how many pairs were scored twice."""

    probabilities: np.ndarray
    rescored: int


class Scorer:
    """Scores batches of pairs on ``device`` in ``precision``.

    A pair whose two likeliest labels are closer than ``margin`` is scored again, alone and in float32:
    neither rounding nor the company of longer pairs in its batch can then turn its label.
    """

    def __init__(self, folder: str | Path, device: str, precision: str):
        self.folder, self.device = str(folder), device
        if precision == "auto":
            precision = "bfloat16" if device.startswith("cuda") else "float32"
        logging.disable_progress_bar()  # loading weights is quick, and a log keeps every line
        self.columns = label_order(folder)
        self.tokenizer = load_tokenizer(folder)
        self.model = self._load(precision)
        self.precise = self.model if precision == "float32" else None
        self.margin = 1e-3 if precision == "float32" else 0.1
        self.max_length = context(self.tokenizer, self.model.config)

    def score(self, batch: list[Texts]) -> Scores:
        """Return the probabilities of a batch. Scores that are not finite come back as they are."""
        probabilities = self._forward(self.model, batch)
        top = np.sort(probabilities, axis=1)
        near = np.flatnonzero(np.isfinite(top).all(axis=1) & (top[:, 2] - top[:, 1] < self.margin))
        if len(near) and self.precise is None:
            self.precise = self._load("float32")
        for row in near:
            probabilities[row] = self._forward(self.precise, [batch[row]])[0]
        return Scores(probabilities, len(near))

    def _load(self, precision: str) -> Any:
        try:
            model, found = AutoModelForSequenceClassification.from_pretrained(
                self.folder,
                dtype=getattr(torch, precision),
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise SentError(f"{self.folder}: cannot be loaded: {' '.join(str(error).split())}") from None
        if missing := sorted(found["missing_keys"]):
            raise SentError(
                f"{self.folder}: its weights lack {', '.join(missing[:3])}, so that its scores would be random; "
                "expected a model that was trained on natural language inference"
            )
        return model.to(self.device).eval()

    @torch.inference_mode()
    def _forward(self, model: Any, batch: list[Texts]) -> np.ndarray:
        inputs = self.tokenizer(
            [premise for premise, _ in batch],
            [hypothesis for _, hypothesis in batch],
            truncation="longest_first",  # a text that was cut may break into a token more
            max_length=self.max_length,
            padding=True,
            return_tensors="pt",
        )
        logits = model(**inputs.to(self.device)).logits[:, self.columns]
        return torch.softmax(logits.double(), dim=-1).cpu().numpy()


def load_tokenizer(folder: str | Path) -> Any:
    """Load the tokenizer; it cuts texts at their beginning, so that the final answer stays."""
    return AutoTokenizer.from_pretrained(folder, truncation_side="left")


def context(tokenizer: Any, config: Any) -> int:
    """Return the longest pair in tokens, special tokens included, that the model can read."""
    limits = [tokenizer.model_max_length]
    positions = getattr(config, "max_position_embeddings", None)
    if positions:
        # RoBERTa numbers positions from padding_idx + 1 on, so that many of them are never used.
        limits.append(positions - (config.pad_token_id + 1 if "roberta" in config.model_type else 0))
    return min(limits)

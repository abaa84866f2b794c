"""Entailment backends: they judge whether one answer to a question follows from another."""

from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from sent.config import SemanticEntropy
from sent.errors import SentError


class Label(IntEnum):
    """What a premise says about a hypothesis; numbered as in the code of Farquhar et al. (2024)."""

    CONTRADICTION = 0
    NEUTRAL = 1
    ENTAILMENT = 2


class Pair(NamedTuple):
    """A directed comparison: does ``hypothesis`` follow from ``premise``, both answers to ``question``?"""

    question: str
    premise: str
    hypothesis: str


class Judgement(NamedTuple):
    """A backend's answer: the label and the name of the backend that decided."""

    label: Label
    by: str


Advance = Callable[[int], object]


def silent(done: int) -> None:
    """Progress that nobody watches."""


class Entailment(Protocol):
    """A backend. Use it as a context manager: it may hold processes or a model."""

    symmetric: bool
    """Both directions of a pair always get the same label, so one is enough."""

    judged: int
    """Directed pairs judged so far."""

    def key(self, pair: Pair) -> Pair:
        """What a judgement depends on: pairs with the same key get the same one."""

    def judge(self, pairs: list[Pair], advance: Advance = silent) -> list[Judgement]:
        """Judge the pairs; the result has their order and does not depend on what else is in the list.

        ``advance`` is told how many more pairs are done.
        """

    def facts(self) -> dict[str, str]:
        """What to write into the metadata of the result, such as the number of truncated pairs."""

    def __enter__(self) -> "Entailment": ...

    def __exit__(self, *error) -> None: ...


def build(settings: SemanticEntropy, model: str | Path | None = None) -> Entailment:
    """Return the backend of ``settings``, with a cache of pairs around it.

    ``model`` is the folder of an entailment model (``nli``, optional for ``hybrid``) or of a sentence
    embedding model (``embedding``). Raises :class:`SentError` where a folder is needed and missing, or not
    such a model.
    """
    from sent.semantic_entropy.entailment.cache import Cached

    if settings.entailment == "exact":
        from sent.semantic_entropy.entailment.exact import Exact

        return Exact()
    if settings.entailment in ("nli", "embedding") and model is None:
        raise SentError(
            f"entailment '{settings.entailment}' needs a model: name one by `nli_model`, or a folder by --nli"
        )
    return Cached(_backend(settings, model))


def _backend(settings: SemanticEntropy, model: str | Path | None) -> Entailment:
    if settings.entailment == "embedding":
        from sent.semantic_entropy.entailment.embedding import Embedding

        return Embedding(model, settings)
    from sent.semantic_entropy.entailment.hybrid import Hybrid
    from sent.semantic_entropy.entailment.math_verify import MathVerify
    from sent.semantic_entropy.entailment.nli import Nli

    nli = Nli(model, settings) if model is not None and settings.entailment != "math_verify" else None
    if settings.entailment == "nli":
        return nli
    mathematics = MathVerify(settings)
    return mathematics if settings.entailment == "math_verify" else Hybrid(mathematics, nli)

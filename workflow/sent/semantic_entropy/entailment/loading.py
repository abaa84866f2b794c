"""From settings to the entailment backend that they name."""

import importlib
from pathlib import Path

from sent.config import SemanticEntropy
from sent.config.backends import ENTAILMENT
from sent.errors import SentError
from sent.semantic_entropy.entailment import Entailment
from sent.semantic_entropy.entailment.cache import Cached


def load_entailment(settings: SemanticEntropy, model: str | Path | None = None) -> Entailment:
    """Return the backend of ``settings``, with a cache of pairs around it.

    ``model`` is the folder of the model that the backend reads. Raises :class:`SentError` where one is needed and
    missing, or is not such a model.
    """
    backend = ENTAILMENT[settings.entailment]
    if backend.model == "required" and model is None:
        raise SentError(
            f"entailment '{settings.entailment}' needs a model: name one by `nli_model`, or a folder by --nli"
        )
    module, _, name = backend.made_by.partition(":")
    return Cached(getattr(importlib.import_module(module), name)(settings, model))

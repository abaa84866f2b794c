"""Semantic entropy: how much the answers of a model disagree in meaning (Farquhar et al., Nature 2024).

As a library::

    from sent.semantic_entropy import semantic_entropy

    found = semantic_entropy("What is 1/2 + 1/4?", ["It is \\boxed{3/4}.", "The answer is 0.75.", "1"])
    found.semantic_entropy, found.clusters  # 0.6365 nats, [0, 0, 1]

For many questions at once: ``load_entailment``, ``cluster`` and ``estimators``.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors, which complete these names; at run time they are imported when asked for
    from sent.config import SemanticEntropy
    from sent.semantic_entropy import estimators
    from sent.semantic_entropy.clustering import Answers, Clustering, cluster, equivalent
    from sent.semantic_entropy.entailment.loading import load_entailment
    from sent.semantic_entropy.measure import Measured, semantic_entropy

_WHERE = {
    "SemanticEntropy": "sent.config",
    "Answers": "sent.semantic_entropy.clustering",
    "Clustering": "sent.semantic_entropy.clustering",
    "cluster": "sent.semantic_entropy.clustering",
    "equivalent": "sent.semantic_entropy.clustering",
    "load_entailment": "sent.semantic_entropy.entailment.loading",
    "Measured": "sent.semantic_entropy.measure",
    "semantic_entropy": "sent.semantic_entropy.measure",
    "estimators": "sent.semantic_entropy",
}
__all__ = [
    "Answers",
    "Clustering",
    "Measured",
    "SemanticEntropy",
    "cluster",
    "equivalent",
    "estimators",
    "load_entailment",
    "semantic_entropy",
]


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: the command line stays quick."""
    if name == "estimators":
        return importlib.import_module("sent.semantic_entropy.estimators")
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    """The names above, for completion in a shell."""
    return sorted({*globals(), *_WHERE})

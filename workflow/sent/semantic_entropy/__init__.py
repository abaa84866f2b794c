"""Semantic entropy: how much the answers of a model disagree in meaning (Farquhar et al., Nature 2024).

As a library::

    from sent.semantic_entropy import Answers, SemanticEntropy, cluster, estimators, load_entailment

    with load_entailment(SemanticEntropy(entailment="math_verify")) as entailment:
        [clustering] = cluster([Answers("What is 1/2 + 1/4?", ["3/4", "0.75", "1"])], entailment)
    estimators.discrete(clustering.counts())  # 0.6365 nats
"""

import importlib

_WHERE = {
    "SemanticEntropy": "sent.config",
    "Answers": "sent.semantic_entropy.clustering",
    "Clustering": "sent.semantic_entropy.clustering",
    "cluster": "sent.semantic_entropy.clustering",
    "equivalent": "sent.semantic_entropy.clustering",
    "load_entailment": "sent.semantic_entropy.entailment",
    "estimators": "sent.semantic_entropy",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str):
    """Import what is asked for when it is asked for: the command line stays quick."""
    if name == "estimators":
        return importlib.import_module("sent.semantic_entropy.estimators")
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)

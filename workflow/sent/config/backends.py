"""What settings may name and a module of its own does: entailment backends and samplers, a line each.

A new one is a line here and a file where ``made_by`` says.
"""

from typing import Literal, NamedTuple


class EntailmentBackend(NamedTuple):
    """What judges whether two answers mean the same; ``made_by(settings, model)`` returns it."""

    made_by: str
    """module:class, see :class:`sent.semantic_entropy.entailment.Entailment`."""
    model: Literal["none", "optional", "required"]
    """Whether it reads a model, which `semantic_entropy.nli_model` names."""
    words: str
    """Ends "answers were judged by ..."."""


ENTAILMENT = {
    "hybrid": EntailmentBackend(
        "sent.semantic_entropy.entailment.hybrid:Hybrid",
        "optional",
        "exact match, then symbolic comparison, then an entailment model",
    ),
    "nli": EntailmentBackend(
        "sent.semantic_entropy.entailment.nli:Nli", "required", "an entailment model in both directions"
    ),
    "math_verify": EntailmentBackend(
        "sent.semantic_entropy.entailment.math_verify:MathVerify",
        "none",
        "symbolic comparison in both directions",
    ),
    "exact": EntailmentBackend(
        "sent.semantic_entropy.entailment.exact:Exact", "none", "exact match after normalisation"
    ),
    "embedding": EntailmentBackend(
        "sent.semantic_entropy.entailment.embedding:Embedding",
        "required",
        "cosine similarity of sentence embeddings",
    ),
}


class SamplerBackend(NamedTuple):
    """What draws responses; ``made_by(policy, model, settings, journal)`` returns it."""

    made_by: str
    """module:function, see :class:`sent.sampling.sampler.Sampler`."""
    rollouts_by: str | None
    """Function of sent/training/rollout_engines.py that has it write the rollouts of training; None: it takes no new weights."""
    cache: Literal["batch", "share", "elsewhere"]
    """Where keys and values lie: as many as a batch needs, in an engine's share of the GPU, or on another machine."""


SAMPLERS = {
    "transformers": SamplerBackend("sent.sampling.transformers_sampler:load", "by_transformers", "batch"),
    "vllm": SamplerBackend("sent.sampling.vllm_sampler:load", "by_vllm", "share"),
    "openai": SamplerBackend("sent.sampling.openai_sampler:load", None, "elsewhere"),
}

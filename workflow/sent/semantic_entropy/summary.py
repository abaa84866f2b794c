"""One question's row of the semantic entropy table: all estimators, accuracy, lengths."""

from dataclasses import dataclass, field

from sent.config import SemanticEntropy
from sent.seeding import generator_of
from sent.semantic_entropy import estimators
from sent.semantic_entropy.clustering import Clustering


@dataclass(frozen=True)
class Record:
    """A question and what is known of its samples, one entry a sample; None where unknown."""

    id: str
    text: str
    answers: list[str | None]
    samples: list[int] = field(default_factory=list)
    n_tokens: list[int | None] = field(default_factory=list)
    logprob_sums: list[float | None] = field(default_factory=list)
    correct: list[bool | None] = field(default_factory=list)


def summarise(record: Record, clustering: Clustering, settings: SemanticEntropy) -> dict:
    """Return the row of ``tables.SEMANTIC_ENTROPY``.

    Entropies are over the samples that have a cluster. What needs log-probabilities is None unless every
    sample has one. Without samples every entropy is 0.0 beside ``n_clusters`` 0; accuracy and lengths are
    None.
    """
    kept = [i for i, label in enumerate(clustering.labels) if label >= 0]
    counts = clustering.counts()
    sums = [logprob for logprob in record.logprob_sums if logprob is not None]
    known = record.answers and len(sums) == len(record.logprob_sums) == len(record.answers)
    tokens = [n for n in record.n_tokens if n is not None]
    means = (
        [logprob / max(n, 1) for logprob, n in zip(sums, tokens, strict=True)]
        if known and len(tokens) == len(record.answers)
        else None
    )
    graded = [yes for yes in record.correct if yes is not None]
    return {
        "question_id": record.id,
        "n_samples": len(record.answers),
        "n_unparsable": clustering.decided_by.count("unparsable"),
        "n_clusters": len(counts),
        "semantic_entropy": estimators.discrete(counts),
        "standard_error": estimators.standard_error(
            counts, settings.bootstrap, generator_of("semantic entropy bootstrap", settings.seed, record.id)
        ),
        "rao_blackwell": estimators.rao_blackwell(
            [clustering.labels[i] for i in kept], [means[i] for i in kept]
        )
        if means
        else None,
        "normalised": estimators.normalised(counts),
        "miller_madow": estimators.miller_madow(counts),
        "chao_shen": estimators.chao_shen(counts),
        "predictive_entropy": estimators.predictive_entropy(sums) if known else None,
        "accuracy": sum(graded) / len(graded) if graded else None,
        "mean_token_nll": -sum(sums) / max(sum(tokens), 1) if means else None,
        "mean_tokens": sum(tokens) / len(tokens) if tokens else None,
    }

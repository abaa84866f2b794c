"""The stage of the workflow: graded samples in, clusters and semantic entropy out, by chunks of questions."""

import argparse
from collections import Counter

import pyarrow as pa

from sent import tables
from sent.config import SemanticEntropy
from sent.log import logger
from sent.semantic_entropy import calibration, clusters_page, records
from sent.semantic_entropy.calibration import Chosen
from sent.semantic_entropy.clustering import Answers, Clustering, cluster
from sent.semantic_entropy.entailment.loading import load_entailment
from sent.semantic_entropy.summary import Record, summarise


def run(args: argparse.Namespace, settings: SemanticEntropy) -> None:
    """Read ``args.questions``, ``samples`` and ``verdicts``; write ``args.clusters`` and ``output``.

    Where asked for, write ``args.calibration`` and ``args.page`` as well.
    """
    chosen = Chosen(settings.calibration_pairs, settings.seed)
    clusters, entropies, judged = [], [], []
    sizes: Counter[int] = Counter()
    with load_entailment(settings, args.nli) as entailment:
        for chunk in records.read(args.questions, args.samples, args.verdicts):
            found = cluster(
                [Answers(record.text, record.answers) for record in chunk],
                entailment,
                settings.criterion,
                settings.unparsable,
            )
            rows = [
                summarise(record, clustering, settings)
                for record, clustering in zip(chunk, found, strict=True)
            ]
            sizes.update(row["n_clusters"] for row in rows)
            if args.calibration:
                chosen.see(chunk, found)
            clusters.append(tables.table(tables.CLUSTERS, _cluster_rows(chunk, found)))
            entropies.append(tables.table(tables.SEMANTIC_ENTROPY, rows))
            logger.info(
                "semantic entropy of %d questions, %d pairs judged", sum(sizes.values()), entailment.judged
            )
        facts = entailment.facts()
        if args.calibration:
            judged = calibration.rows(chosen, entailment, settings)
    metadata = {
        name: str(getattr(settings, name)) for name in ("entailment", "criterion", "unparsable", "template")
    }
    metadata["questions"] = str(sum(sizes.values()))  # so that what reads it can tell whether all are there
    for path, parts, schema in (
        (args.clusters, clusters, tables.CLUSTERS),
        (args.output, entropies, tables.SEMANTIC_ENTROPY),
    ):
        tables.write(path, pa.concat_tables([schema.empty_table(), *parts]), schema, metadata | facts)
    if args.calibration:
        tables.write(args.calibration, tables.table(tables.CALIBRATION, judged), tables.CALIBRATION)
    if args.page:
        files = (args.questions, args.samples, args.verdicts, args.clusters, args.output)
        clusters_page.write(args.page, *files)
    logger.info("questions by number of clusters: %s", dict(sorted(sizes.items())))


def _cluster_rows(chunk: list[Record], found: list[Clustering]) -> list[dict]:
    return [
        {"question_id": record.id, "sample": sample, "cluster": label, "decided_by": by}
        for record, clustering in zip(chunk, found, strict=True)
        for sample, label, by in zip(record.samples, clustering.labels, clustering.decided_by, strict=True)
    ]

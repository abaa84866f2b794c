"""A page that shows clusters of a few questions as a person would read them. Everything in it is escaped."""

from collections import Counter
from html import escape
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from sent import tables

_LONGEST = 1500
"""Characters of a response that are shown: its end, where the answer stands."""

_STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
article { border-top: 2px solid var(--line); margin-top: 2rem; padding-top: .5rem; }
h2 { font-size: 1rem; font-weight: 600; white-space: pre-wrap; overflow-wrap: anywhere; }
.facts { color: #777; font-size: .9rem; }
.cluster { border: 1px solid var(--line); border-radius: 8px; margin: .6rem 0; padding: .5rem .8rem; }
.bar { display: inline-block; height: .6rem; background: #0072b2; border-radius: 3px; margin-right: .5rem; }
code { background: var(--soft); border-radius: 4px; padding: .1rem .3rem; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; background: var(--soft); }
"""


def write(
    path: str | Path, questions: str, samples: str, verdicts: str, clusters: str, entropies: str, n: int = 10
) -> None:
    """Write the page of ``n`` questions from the files of the stages (Parquet) to ``path``."""
    chosen = choose(tables.rows(entropies, tables.SEMANTIC_ENTROPY), n)
    ids = [row["question_id"] for row in chosen]
    texts = {row["question_id"]: row["question"] for row in _rows_of(questions, ids, tables.QUESTIONS)}
    members: dict[str, dict[int, dict]] = {id_: {} for id_ in ids}
    for file, schema in ((samples, tables.SAMPLES), (verdicts, tables.VERDICTS), (clusters, tables.CLUSTERS)):
        for row in _rows_of(file, ids, schema):
            members[row["question_id"]].setdefault(row["sample"], {}).update(row)
    articles = [_article(row, texts[row["question_id"]], members[row["question_id"]]) for row in chosen]
    with tables.atomic(path) as temporary:
        temporary.write_text(_page(articles), encoding="utf-8")


def choose(rows: list[dict], n: int) -> list[dict]:
    """Choose ``n`` rows of the semantic entropy table, sorted by it.

    One question of agreement on a right answer, one on a wrong one, the rest evenly over the questions
    with two or more clusters; where those are too few, more of agreement.
    """
    rows = sorted(rows, key=lambda row: (row["semantic_entropy"], row["question_id"]))
    same = [row for row in rows if row["n_clusters"] == 1]
    right = [row for row in same if row["accuracy"]][:1]
    wrong = [row for row in same if row["accuracy"] == 0][:1]
    chosen = [*right, *wrong][:n]
    several = [row for row in rows if row["n_clusters"] > 1]
    room = n - len(chosen)
    if len(several) > room:
        several = [several[round(i * (len(several) - 1) / max(room - 1, 1))] for i in range(room)]
    chosen += several
    chosen += [row for row in same if row not in chosen][: n - len(chosen)]
    return sorted(chosen, key=lambda row: (row["semantic_entropy"], row["question_id"]))


def _rows_of(path: str, ids: list[str], schema) -> list[dict]:
    """Read the rows of a few questions in batches: the texts of all responses need not fit in memory."""
    wanted = []
    file = pq.ParquetFile(path)
    for batch in file.iter_batches(batch_size=4096, columns=schema.names):
        wanted += batch.filter(pc.is_in(batch["question_id"], pc.cast(ids, "string"))).to_pylist()
    return wanted


def _article(row: dict, question: str, members: dict[int, dict]) -> str:
    groups: dict[int, list[dict]] = {}
    for sample in sorted(members):
        groups.setdefault(members[sample]["cluster"], []).append(members[sample])
    accuracy = "unknown" if row["accuracy"] is None else f"{row['accuracy']:.0%}"
    facts = (
        f"semantic entropy {row['semantic_entropy']:.2f} nats · {row['n_clusters']} cluster{'s' * (row['n_clusters'] != 1)} of "
        f"{row['n_samples']} responses · accuracy {accuracy} · question {escape(row['question_id'])}"
    )
    ordered = sorted(groups.items(), key=lambda item: (item[0] < 0, -len(item[1]), item[0]))
    parts = "\n".join(_cluster(label, group, row["n_samples"]) for label, group in ordered)
    return f'<article>\n<h2>{escape(question)}</h2>\n<p class="facts">{facts}</p>\n{parts}\n</article>'


def _cluster(label: int, group: list[dict], total: int) -> str:
    answers = Counter(member["extracted"] or "" for member in group)
    verdicts = Counter(str(member["verdict"]) for member in group)
    reasons = sorted({member["decided_by"] for member in group} - {"first"})
    name = "dropped" if label < 0 else f"cluster {label}"
    listed = ", ".join(_answer(answer) + _times(count) for answer, count in answers.most_common())
    return "".join(
        [
            '<section class="cluster">',
            f'<span class="bar" style="width:{10 * len(group) / total:.1f}rem"></span>',
            f"<b>{name}</b>: {len(group)} response{'s' * (len(group) > 1)} ",
            f"({', '.join(escape(verdict) + _times(count) for verdict, count in verdicts.items())})",
            f"<br>{listed}",
            f'<br><span class="facts">joined by {escape(", ".join(reasons))}</span>' if reasons else "",
            "<details><summary>a response</summary>",
            f"<pre>{escape(_shortened(group[0]['text'] or ''))}</pre></details></section>",
        ]
    )


def _answer(answer: str) -> str:
    return f"<code>{escape(_shortened(answer))}</code>" if answer else "no answer"


def _times(count: int) -> str:
    return f" × {count}" if count > 1 else ""


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"[...] {text[-_LONGEST:]}"


def _page(articles: list[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Clusters of meaning</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        "<h1>Clusters of meaning</h1>\n"
        "<p>Responses to one question that give the same answer, in whatever words or notation, are one "
        "cluster. Semantic entropy is 0 where all agree, and grows with the number and evenness of clusters. "
        "Questions are chosen over the whole range.</p>\n" + "\n".join(articles) + "\n</body>\n</html>\n"
    )

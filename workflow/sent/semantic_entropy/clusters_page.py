"""A page that shows clusters of a few questions as a person would read them. Everything in it is escaped."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sent import tables

if TYPE_CHECKING:
    from jinja2 import Template

_LONGEST = 1500
"""Characters of a response that are shown: its end, where the answer stands."""


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
    shown = [_question(row, texts[row["question_id"]], members[row["question_id"]]) for row in chosen]
    with tables.atomic(path) as temporary:
        temporary.write_text(_template().render(questions=shown), encoding="utf-8")


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


def _rows_of(path: str, ids: list[str], schema: pa.Schema) -> list[dict]:
    """Read the rows of a few questions in batches: the texts of all responses need not fit in memory."""
    wanted = []
    file = pq.ParquetFile(path)
    for batch in file.iter_batches(batch_size=4096, columns=schema.names):
        wanted += batch.filter(pc.is_in(batch["question_id"], pc.cast(ids, "string"))).to_pylist()
    return wanted


def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader

    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return found.get_template("clusters.html")


def _question(row: dict, text: str, members: dict[int, dict]) -> dict:
    """What the template shows of a question: its row, its text, its clusters from the largest to what was dropped."""
    groups: dict[int, list[dict]] = {}
    for sample in sorted(members):
        groups.setdefault(members[sample]["cluster"], []).append(members[sample])
    ordered = sorted(groups.items(), key=lambda item: (item[0] < 0, -len(item[1]), item[0]))
    return {**row, "text": text, "clusters": [_cluster(label, group) for label, group in ordered]}


def _cluster(label: int, group: list[dict]) -> dict:
    answers = Counter(member["extracted"] or "" for member in group)
    return {
        "name": "dropped" if label < 0 else f"cluster {label}",
        "size": len(group),
        "verdicts": list(Counter(str(member["verdict"]) for member in group).items()),
        "answers": [(_shortened(answer), count) for answer, count in answers.most_common()],
        "reasons": sorted({member["decided_by"] for member in group} - {"first"}),
        "response": _shortened(group[0]["text"] or ""),
    }


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"[...] {text[-_LONGEST:]}"

"""Tables for a paper: Markdown, CSV and LaTeX, in the layout of the paper's Tables I and II."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from sent import tables
from sent.log import logger
from sent.results import kept, printing
from sent.results.experiment_data import ExperimentData
from sent.results.reading import connect
from sent.results.scores import AVERAGE

SCORES = {"pass_at_k": "pass", "avg_at_n": "avg"}
"""Files with a column a method, and the metrics in them: the paper's Table I and Table II."""

PLAIN = {
    "paired_differences": "table_differences",
    "curriculum": "FROM curriculum_summary",
    "curriculum_correlations": "FROM curriculum_correlations WHERE curriculum < other",
    "semantic_entropy": "table_semantic_entropy",
    "truncation": "FROM truncation",
    "overlap": "table_overlap",
    "training": "table_training",
    "probe": "table_probe",
    "entropy_fit": "table_entropy_fit",
    "vs_published": "table_vs_published",
    "baseline_check": "table_baseline_check",
    "entailment_calibration": "FROM entailment_confusion",
}
"""Files that show the rows of a query in sql/ as they are."""


@dataclass(frozen=True)
class Marks:
    """How a format writes the best and the second value, a tie with the baseline, and a value with its interval."""

    best: str
    second: str
    tie: str
    interval: str
    escape: Callable[[str], str]


LATEX_SIGNS = str.maketrans(
    {sign: f"\\{sign}" for sign in "&%_#${}"}
    | {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
)
"""What LaTeX would interpret, and how it is written."""

MARKDOWN = Marks("**{}**", "<u>{}</u>", "{} tie", "{} [{}, {}]", lambda text: text.replace("|", "\\|"))
LATEX = Marks(
    "\\textbf{{{}}}",
    "\\underline{{{}}}",
    "{}\\textsuperscript{{tie}}",
    "{} {{\\scriptsize[{}, {}]}}",
    lambda text: text.translate(LATEX_SIGNS),
)


def write(database: Path, folder: Path) -> None:
    """Write every table that the experiment has rows for as ``{name}.md``, ``.csv`` and ``.tex``."""
    with tables.atomic(folder) as temporary, connect(database) as connection:
        temporary.mkdir()
        data = ExperimentData(connection)
        for name, kind in SCORES.items():
            found = select_scores(data, kind)
            if len(found):
                found.drop(columns=["k"]).to_csv(temporary / f"{name}.csv", index=False)
                (temporary / f"{name}.md").write_text(markdown(data, found), encoding="utf-8")
                (temporary / f"{name}.tex").write_text(latex(data, found), encoding="utf-8")
        for name, query in PLAIN.items():
            rows = data.rows(query)
            if len(rows):
                _write_plain(rows, temporary, name)
        written = sorted({path.stem for path in temporary.iterdir()})
    logger.info("%s: %s", folder, ", ".join(written) or "no rows for any table")


def select_scores(data: ExperimentData, kind: str) -> pd.DataFrame:
    """Return rows of the view `comparison` in the order of the experiment, with the metric's k."""
    rows = data.rows("select_comparison")
    rows = rows[rows["kind"] == kind].drop(columns="kind")
    order = {
        "model": list(data.models),
        "benchmark": [*data.benchmarks, AVERAGE],
        "method": list(data.methods),
    }
    places = pd.DataFrame(
        {key: rows[key].map({n: i for i, n in enumerate(names)}) for key, names in order.items()}
    )
    places.insert(2, "k", rows["k"])
    return rows.loc[places.sort_values(list(places.columns), kind="stable").index]


def markdown(data: ExperimentData, scores: pd.DataFrame) -> str:
    """Return the scores as a Markdown table with a column a method."""
    header, lines = score_cells(data, scores, MARKDOWN)
    note = score_note(data, scores, "**bold**", "<u>underlined</u>")
    return f"{tabulate(lines, header, tablefmt='pipe', disable_numparse=True)}\n\n{note}\n"


def latex(data: ExperimentData, scores: pd.DataFrame) -> str:
    """Return the scores as a LaTeX tabular with booktabs rules, a block below its name for each model."""
    header, lines = score_cells(data, scores, LATEX)
    width = len(header) - 1
    body: list[str] = []
    for model, block in groupby(lines, key=itemgetter(0)):
        body += ["\\midrule", f"\\multicolumn{{{width}}}{{l}}{{\\textit{{{model}}}}} \\\\", "\\midrule"]
        above = None
        for _, benchmark, *cells in block:
            body.append(" & ".join(["" if benchmark == above else benchmark, *cells]) + " \\\\")
            above = benchmark
    return "\n".join(
        [
            f"% {score_note(data, scores, 'bold', 'underlined').translate(LATEX_SIGNS)}",
            "% Needs \\usepackage{booktabs}; \\resizebox{\\textwidth}{!}{...} of graphicx fits many methods to a page.",
            f"\\begin{{tabular}}{{ll{'r' * (width - 2)}}}",
            "\\toprule",
            " & ".join(header[1:]) + " \\\\",
            *body,
            "\\bottomrule",
            "\\end{tabular}",
            "",
        ]
    )


def score_cells(
    data: ExperimentData, scores: pd.DataFrame, marks: Marks
) -> tuple[list[str], list[list[str]]]:
    """Return the header and the lines: model, benchmark, metric, then a cell a method."""
    methods = data.present(data.methods, scores["method"])
    lines = []
    for (model, benchmark, metric), part in scores.groupby(["model", "benchmark", "metric"], sort=False):
        by_method = {str(row["method"]): row for _, row in part.iterrows()}
        ranked = sorted(set(part["value"].dropna().round(6)), reverse=True)
        names = [data.models.get(model, model), data.benchmarks.get(benchmark, benchmark), metric]
        cells = [_cell(by_method[m], ranked, marks) if m in by_method else "" for m in methods]
        lines.append([*map(marks.escape, names), *cells])
    return [*map(marks.escape, ["Model", "Benchmark", "Metric", *methods.values()])], lines


def _cell(row: pd.Series, ranked: list[float], marks: Marks) -> str:
    """One value in percent with its interval, marked as best, second or tie."""
    if pd.isna(row["value"]):
        return "-"
    text = f"{100 * row['value']:.1f}"
    value = round(row["value"], 6)
    if value == ranked[0]:
        text = marks.best.format(text)
    elif value == ranked[1]:
        text = marks.second.format(text)
    text = marks.interval.format(text, f"{100 * row['low']:.1f}", f"{100 * row['high']:.1f}")
    return marks.tie.format(text) if pd.notna(row["tie"]) and row["tie"] else text


def score_note(data: ExperimentData, scores: pd.DataFrame, best: str, second: str) -> str:
    """Return what a reader must know of a table of scores."""
    baseline = data.baseline
    seeds = int(scores["seeds"].max())
    return (
        f"Percent, mean over {printing.training_seeds(seeds)}; in brackets 95% bootstrap "
        f"intervals over questions. Best {best}, second {second}; tie: the interval of the paired difference "
        f"to {baseline}{data.over} covers 0.{kept.sentence(data.connection)}"
    )


def _write_plain(rows: pd.DataFrame, folder: Path, name: str) -> None:
    """Write rows as they are: all digits as CSV, four as Markdown and LaTeX."""
    rows.to_csv(folder / f"{name}.csv", index=False)
    plain = [[cell_text(value) for value in row] for row in rows.itertuples(index=False, name=None)]
    header = [column.replace("_", " ") for column in rows.columns]
    escaped = [[MARKDOWN.escape(value) for value in row] for row in plain]
    for suffix, style, cells in (("md", "pipe", escaped), ("tex", "latex_booktabs", plain)):
        table = tabulate(cells, header, tablefmt=style, disable_numparse=True)
        (folder / f"{name}.{suffix}").write_text(table + "\n", encoding="utf-8")


def cell_text(value: Any) -> str:
    """Return a value as tables show it: four digits, and a dash for what is unknown."""
    if pd.isna(value):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

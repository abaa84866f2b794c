"""One HTML file that tells the whole experiment and opens without a network."""

import html
import json
from base64 import b64encode
from pathlib import Path
from string import Template

import pandas as pd
import vl_convert
import yaml
from tabulate import tabulate

from sent import tables
from sent.log import logger
from sent.results import description, figures, paper_tables, prose
from sent.results.figures.canvas import Canvas
from sent.results.reading import connect
from sent.results.scores import AVERAGE

TEMPLATE = Path(__file__).parent / "report.html"
MARKS = paper_tables.Marks("<b>{}</b>", "<u>{}</u>", "{} <small>tie</small>", "{} [{}, {}]", html.escape)


def write(
    database: Path, folder_of_tables: Path, folder_of_figures: Path, output: Path, opening: Path | None = None
) -> None:
    """Write the report: figures and tables from their folders, everything else from the database.

    ``opening`` gets what Snakemake's own report opens with.
    """
    with connect(database) as connection:
        canvas = Canvas(connection)
        experiment = canvas.rows("FROM experiment").iloc[0]
        page = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
            title=html.escape(f"Experiment {experiment['name']}"),
            abstract=html.escape(prose.abstract(canvas)),
            scores=_scores(canvas),
            figures=_figures(folder_of_figures),
            script=_script(folder_of_figures),
            tables=_tables(folder_of_tables, output.parent),
            methods=html.escape(prose.methods(canvas)),
            method_settings=_method_settings(canvas),
            settings=html.escape(yaml.safe_dump(json.loads(experiment["settings"]), sort_keys=False)),
            environment=_environment(json.loads(experiment["versions"])),
            artefacts=_table(canvas.rows("select_artefacts")),
            jobs=_table(canvas.rows("table_jobs")),
        )
        words = description.text(canvas)
    for path, content in ((output, page), (opening, words)):
        if path is not None:
            with tables.atomic(path) as temporary:
                temporary.write_text(content, encoding="utf-8")
    logger.info("%s: %.1f MB", output, len(page) / 1e6)


def _scores(canvas: Canvas) -> str:
    """The average over the benchmarks by method, as the paper's tables show it."""
    parts = []
    for prefix in paper_tables.SCORES.values():
        scores = paper_tables.select_scores(canvas, prefix)
        scores = scores[scores["benchmark"] == AVERAGE]
        if len(scores):
            header, lines = paper_tables.score_cells(canvas, scores, MARKS)
            parts.append(
                _markup(header, lines, paper_tables.score_note(canvas, scores, "bold", "underlined"))
            )
    return "\n".join(parts) or "<p>No policy was evaluated.</p>"


def _figures(folder: Path) -> str:
    """Every figure as a picture; the page's script puts its interactive form in the same place."""
    order = [figure.__name__ for figure in figures.FIGURES]
    names = sorted((path.stem for path in folder.glob("*.svg")), key=lambda name: [*order, name].index(name))
    parts = []
    for number, name in enumerate(names, start=1):
        caption = folder / f"{name}.txt"
        text = html.escape(caption.read_text(encoding="utf-8") if caption.is_file() else "")
        picture = b64encode((folder / f"{name}.svg").read_bytes()).decode()
        parts.append(
            f'<figure><div id="{html.escape(name)}"><img alt="{text}" src="data:image/svg+xml;base64,{picture}"></div>'
            f"<figcaption><b>Figure {number}.</b> {text}</figcaption></figure>"
        )
    return "\n".join(parts) or "<p>There is no data for a figure.</p>"


def _script(folder: Path) -> str:
    """Vega with the specifications of the figures: values under the pointer, and no network needed."""
    specifications = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))
    }
    if not specifications:
        return ""
    texts = json.dumps(specifications).replace("</", "<\\/")
    options = json.dumps(
        {"renderer": "svg", "actions": {"export": True, "source": False, "compiled": False, "editor": False}}
    )
    call = f"for (const [name, spec] of Object.entries({texts})) vegaEmbed(document.getElementById(name), spec, {options});"
    return vl_convert.javascript_bundle(call).replace("</script", "<\\/script")


def _tables(folder: Path, base: Path) -> str:
    """Every table of the folder, folded away, with links to its files."""
    parts = []
    for path in sorted(folder.glob("*.csv")):
        files = [path.with_suffix(suffix) for suffix in (".csv", ".md", ".tex")]
        links = ", ".join(f'<a href="{html.escape(_relative(f, base))}">{f.suffix[1:]}</a>' for f in files)
        name = path.stem.replace("_", " ")
        parts.append(f"<details><summary>{name} ({links})</summary>{_table(pd.read_csv(path))}</details>")
    return "\n".join(parts) or "<p>There are no tables.</p>"


def _relative(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()


def _method_settings(canvas: Canvas) -> str:
    """What each method's registry entry says, a row a method, leaving out what all have in common."""
    rows = canvas.rows("SELECT method, label, settings FROM methods WHERE method <> 'base' ORDER BY position")
    entries = [pd.Series(json.loads(text), dtype=object).map(_plain) for text in rows["settings"]]
    if not entries:
        return ""
    settings = pd.DataFrame(entries, index=rows["label"]).drop(columns="label", errors="ignore")
    different = settings.loc[:, settings.nunique(dropna=False) > 1] if len(settings) > 1 else settings
    return _table(different.rename_axis("method").reset_index())


def _plain(value) -> str:
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _environment(versions: dict[str, str | None]) -> str:
    rows = [(name, version or "not installed") for name, version in versions.items()]
    return _table(pd.DataFrame(rows, columns=["package", "version"]))


def _table(rows: pd.DataFrame) -> str:
    if rows.empty:
        return "<p>No rows.</p>"
    header = [html.escape(str(column).replace("_", " ")) for column in rows.columns]
    cells = rows.itertuples(index=False, name=None)
    return _markup(header, [[html.escape(paper_tables.cell_text(value)) for value in row] for row in cells])


def _markup(header: list[str], lines: list[list[str]], caption: str = "") -> str:
    """Rows of cells that are HTML already, as a table."""
    table = tabulate(lines, header, tablefmt="unsafehtml", disable_numparse=True)
    below = f"<p><small>{html.escape(caption)}</small></p>" if caption else ""
    return f'<div class="wide">{table}</div>{below}'

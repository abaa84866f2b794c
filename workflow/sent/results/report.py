"""One HTML file that tells the whole experiment and opens without a network."""

import html
import json
import re
from base64 import b64encode
from pathlib import Path

import pandas as pd
import vl_convert
import yaml
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from sent import tables
from sent.log import logger
from sent.results import description, figures, paper_tables, prose, rollouts, warnings
from sent.results.experiment_data import ExperimentData
from sent.results.reading import connect
from sent.results.scores import AVERAGE

TEMPLATE = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
).get_template("report.html")
MARKS = paper_tables.Marks("<b>{}</b>", "<u>{}</u>", "{} <small>tie</small>", "{} [{}, {}]", html.escape)


def write(
    database: Path, folder_of_tables: Path, folder_of_figures: Path, output: Path, opening: Path | None = None
) -> None:
    """Write the report: figures and tables from their folders, everything else from the database.

    ``opening`` gets what Snakemake's own report opens with.
    """
    with connect(database) as connection:
        data = ExperimentData(connection)
        experiment = data.rows("FROM experiment").iloc[0]
        page = TEMPLATE.render(
            title=f"Experiment {experiment['name']}",
            abstract=prose.abstract(data),
            warnings=warnings.warnings(connection),
            scores=_scores(data),
            figures=_figures(folder_of_figures),
            script=_script(folder_of_figures),
            tables=_tables(folder_of_tables, output.parent),
            rollouts=rollouts.for_page(data),
            methods=prose.methods(data),
            method_settings=_method_settings(data),
            settings=yaml.safe_dump(json.loads(experiment["settings"]), sort_keys=False),
            environment=_environment(json.loads(experiment["versions"])),
            artefacts=_table(data.rows("select_artefacts")),
            jobs=_table(data.rows("table_jobs")),
        )
        words = description.text(data)
    for path, content in ((output, page), (opening, words)):
        if path is not None:
            with tables.atomic(path) as temporary:
                temporary.write_text(content, encoding="utf-8")
    logger.info("%s: %.1f MB", output, len(page) / 1e6)


def _scores(data: ExperimentData) -> list[dict]:
    """The average over the benchmarks by method, as the paper's tables show it; cells hold HTML."""
    parts = []
    for prefix in paper_tables.SCORES.values():
        scores = paper_tables.select_scores(data, prefix)
        scores = scores[scores["benchmark"] == AVERAGE]
        if len(scores):
            header, lines = paper_tables.score_cells(data, scores, MARKS)
            note = paper_tables.score_note(data, scores, "bold", "underlined")
            rows = [[Markup(cell) for cell in line] for line in lines]
            parts.append({"header": [Markup(name) for name in header], "rows": rows, "note": note})
    return parts


def _figures(folder: Path) -> list[dict]:
    """Every figure as a picture; the page's script puts its interactive form in the same place."""
    order = [figure.__name__ for figure in figures.FIGURES]
    names = sorted((path.stem for path in folder.glob("*.svg")), key=lambda name: [*order, name].index(name))
    found = []
    for name in names:
        caption = folder / f"{name}.txt"
        text = caption.read_text(encoding="utf-8") if caption.is_file() else ""
        picture = b64encode((folder / f"{name}.svg").read_bytes()).decode()
        found.append({"name": name, "caption": text, "picture": picture})
    return found


def _script(folder: Path) -> Markup:
    """Vega with the specifications of the figures: values under the pointer, and no network needed."""
    paths = sorted(folder.glob("*.json"))
    specifications = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    if not specifications:
        return Markup("")
    texts = json.dumps(specifications)
    options = json.dumps(
        {"renderer": "svg", "actions": {"export": True, "source": False, "compiled": False, "editor": False}}
    )
    call = f"for (const [name, spec] of Object.entries({texts})) vegaEmbed(document.getElementById(name), spec, {options});"
    # A label must neither end the element nor, by a comment, take its end for its own.
    return Markup(re.sub("<(?=/script|!--)", r"<\\", vl_convert.javascript_bundle(call), flags=re.IGNORECASE))


def _tables(folder: Path, base: Path) -> list[dict]:
    """Every table of the folder, with links to its files."""
    return [
        {
            "name": path.stem.replace("_", " "),
            "links": {
                suffix: _relative(path.with_suffix(f".{suffix}"), base) for suffix in ("csv", "md", "tex")
            },
            "table": _table(pd.read_csv(path)),
        }
        for path in sorted(folder.glob("*.csv"))
    ]


def _relative(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()


def _method_settings(data: ExperimentData) -> dict | None:
    """What each method's registry entry says, a row a method, leaving out what all have in common."""
    rows = data.rows("SELECT method, label, settings FROM methods WHERE method <> 'base' ORDER BY position")
    entries = [pd.Series(json.loads(text), dtype=object).map(_plain) for text in rows["settings"]]
    if not entries:
        return None
    settings = pd.DataFrame(entries, index=rows["label"]).drop(columns="label", errors="ignore")
    different = settings.loc[:, settings.nunique(dropna=False) > 1] if len(settings) > 1 else settings
    return _table(different.rename_axis("method").reset_index())


def _plain(value: object) -> str:
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _environment(versions: dict[str, str | None]) -> dict:
    rows = [(name, version or "not installed") for name, version in versions.items()]
    return _table(pd.DataFrame(rows, columns=["package", "version"]))


def _table(rows: pd.DataFrame) -> dict:
    """Rows as the template shows them, texts still to be escaped."""
    cells = rows.itertuples(index=False, name=None)
    return {
        "header": [str(column).replace("_", " ") for column in rows.columns],
        "rows": [[paper_tables.cell_text(value) for value in row] for row in cells],
    }

"""A page's tables are what its queries find; its pictures are the figures of the experiments."""

import shutil

import pytest
from sent.__main__ import main

PAGE = """# Toy

```sql
SELECT method, count(*) AS n FROM toy.scores GROUP BY method ORDER BY method;
```

{table}Words.

![a figure](pictures/toy/pareto.svg)
"""


@pytest.fixture
def study(finished, tmp_path):
    """A page, and a folder of experiments with one database and one figure."""
    (tmp_path / "study/toy/figures").mkdir(parents=True)
    shutil.copyfile(finished / "results.duckdb", tmp_path / "study/toy/results.duckdb")
    (tmp_path / "study/toy/figures/pareto.svg").write_text("<svg/>")
    (tmp_path / "page.md").write_text(PAGE.format(table=""))
    return tmp_path


def update(study) -> int:
    return main(["results", "page", str(study / "page.md"), "--databases", str(study / "study")])


def test_tables_follow_their_queries_and_pictures_are_copied(study):
    assert update(study) == 0
    text = (study / "page.md").read_text()
    assert "```\n\n| method   |   n |\n|:---------|----:|\n| base     |" in text and "\n\nWords.\n" in text
    assert (study / "pictures/toy/pareto.svg").read_text() == "<svg/>"
    (study / "page.md").write_text(text.replace("| base     |", "| hand-made |"))
    assert update(study) == 0 and (study / "page.md").read_text() == text, "whatever stood there is replaced"


@pytest.mark.parametrize("missing", ["figure", "table"])
def test_a_page_that_asks_for_what_is_not_there_stays_as_it_is(study, capsys, missing):
    text = (study / "page.md").read_text()
    text = (
        text.replace("pareto", "absent") if missing == "figure" else text.replace("toy.scores", "toy.absent")
    )
    (study / "page.md").write_text(text)
    assert update(study) == 1
    expected = (
        "absent.svg: no such figure" if missing == "figure" else "Table with name absent does not exist"
    )
    assert expected in capsys.readouterr().err
    assert (study / "page.md").read_text() == text and not (study / "pictures").exists()

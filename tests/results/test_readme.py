"""What the README shows: the leaderboard as the command prints it, and pictures, put there by a rule."""

import re
from pathlib import Path

import pytest
from sent.__main__ import main
from sent.errors import SentError
from sent.results import leaderboard, readme

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def page(tmp_path):
    """A page with marks around an old table, and figures beside it."""
    (tmp_path / "figures").mkdir()
    for name in readme.PICTURES:
        (tmp_path / f"figures/{name}.svg").write_text(f"<svg>{name}</svg>")
    (tmp_path / "README.md").write_text(f"above\n\n{readme.BEGIN}\nold\n{readme.END}\n\nbelow\n")
    return tmp_path / "README.md"


def update(page, database):
    folder = page.parent
    where = [
        "--figures",
        str(folder / "figures"),
        "--pictures",
        str(folder / "pictures"),
        "--readme",
        str(page),
    ]
    return main(["results", "readme", "--database", str(database), *where])


def test_the_page_holds_what_the_command_prints(page, database, capsys):
    assert update(page, database) == 0
    assert main(["results", "leaderboard", "--database", str(database), "--format", "markdown"]) == 0
    printed = capsys.readouterr().out
    assert page.read_text() == f"above\n\n{readme.BEGIN}\n{printed}{readme.END}\n\nbelow\n"
    assert (page.parent / "pictures/pass_at_k.svg").read_text() == "<svg>pass_at_k</svg>"
    before = page.read_text()
    assert update(page, database) == 0 and page.read_text() == before, "a second time changes nothing"


def test_the_numbers_of_the_table(database):
    text = leaderboard.markdown(database)
    assert " ".join(text.split()).startswith(
        "Experiment `toy`, 2 training seeds: percent of answers right, mean over the benchmarks (6 questions, 4 responses each)"
    )
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if "[" in line and "|" in line
    ]
    assert [row[:2] for row in rows[:4]] == [["small", "base"], ["", "grpo"], ["", "sent"], ["large", "base"]]
    assert rows[2][2].startswith("56.2 [")  # mean of 10/16 and 4/8
    assert rows[2][-1].startswith("+15.6 [")  # mean of 3/16 and 1/8


def test_a_missing_mark_or_figure_is_named_and_changes_nothing(page, database, capsys):
    marked = page.read_text()
    page.write_text("no marks")
    assert update(page, database) == 1
    assert "README.md: the lines '<!-- leaderboard:" in capsys.readouterr().err
    assert not (page.parent / "pictures").exists()
    page.write_text(marked)
    (page.parent / "figures/pass_at_k.svg").unlink()
    assert update(page, database) == 1
    assert "pass_at_k.svg: no such figure" in capsys.readouterr().err
    assert page.read_text() == marked


def test_marks_must_stand_once_and_in_order():
    for text in ("", f"{readme.END}{readme.BEGIN}", f"{readme.BEGIN}{readme.BEGIN}{readme.END}"):
        with pytest.raises(SentError, match="must stand in it once"):
            readme.with_leaderboard(text, "new", Path("page.md"))


def test_the_readme_of_the_project_shows_a_run_of_nano():
    text = (REPOSITORY / "README.md").read_text()
    block = text.split(readme.BEGIN)[1].split(readme.END)[0]
    assert block.strip().startswith("Experiment `nano`,")
    head, ruler, *rows = [line for line in block.splitlines() if line.startswith("|")]
    assert len(rows) == 9 and {line.count("|") for line in (head, ruler, *rows)} == {head.count("|")}
    for picture in re.findall(r"\]\((docs/pictures/[^)]+)\)", text):
        assert Path(picture).stem in readme.PICTURES and (REPOSITORY / picture).is_file()
    rule = (REPOSITORY / "rules/readme.smk").read_text()
    assert re.findall(r'="docs/pictures/(\w+)\.svg"', rule) == list(readme.PICTURES)

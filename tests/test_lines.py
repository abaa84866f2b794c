"""Commands on a file of one's own: memory holds a batch, bad rows come first, and Ctrl-C ends with whole lines."""

import io
import json
import os
import signal
import weakref

import pytest
from sent.__main__ import main
from sent.data.input_row import Reader
from sent.grading import grade_command
from sent.semantic_entropy import standalone

QUESTIONS, SAMPLES, BATCH = 30, 4, 8
COMMANDS = {
    "grade": (["grade"], QUESTIONS * SAMPLES, "rows"),
    "semantic-entropy": (["semantic-entropy", "--entailment", "exact"], QUESTIONS, "questions"),
}
"""A command line without its file, how many lines it prints, and of what."""


@pytest.fixture
def samples(tmp_path, monkeypatch):
    """A file with a row a sample: the first of every question, then the second, ...; commands with small batches."""
    monkeypatch.setattr(grade_command, "BATCH", BATCH)
    monkeypatch.setattr(standalone, "_CHUNK", BATCH)
    rows = [
        {"id": q, "question": f"{q}?", "gold": str(q), "response": rf"\boxed{{{q + sample % 2}}}"}
        for sample in range(SAMPLES)
        for q in range(QUESTIONS)
    ]
    path = tmp_path / "samples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(params=COMMANDS)
def command(request, samples):
    argv, count, unit = COMMANDS[request.param]
    return [*argv, str(samples)], count, unit


def test_memory_holds_two_batches_of_rows(command, monkeypatch, capsys):
    argv, count, _ = command
    alive, most, understand = set(), 0, Reader.understand

    def counted(reader, rows):
        nonlocal most
        for number, (row, found) in enumerate(understand(reader, rows)):
            alive.add(number)
            weakref.finalize(found, alive.discard, number)
            most = max(most, len(alive))
            yield row, found

    monkeypatch.setattr(Reader, "understand", counted)
    assert main(argv) == 0
    assert len(capsys.readouterr().out.splitlines()) == count
    assert 0 < most <= 2 * BATCH + 2


class Interrupted(io.StringIO):
    """Standard output on which Ctrl-C comes while the second batch is written."""

    batches = 0

    def write(self, text: str) -> int:
        self.batches += 1
        if self.batches == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


@pytest.fixture
def heeded():
    """A shell starts what it runs in the background with SIGINT ignored, and this process may have inherited that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded")
def test_ctrl_c_ends_with_the_whole_lines_of_what_was_done(command, monkeypatch, capsys):
    argv, count, unit = command
    assert main(argv) == 0
    whole = capsys.readouterr().out.splitlines()
    with monkeypatch.context() as patch:
        output = Interrupted()
        patch.setattr("sys.stdout", output)
        assert main(argv) == 130
    said = capsys.readouterr().err.splitlines()[-1]
    assert (
        said
        == f"error: interrupted; the lines of {2 * BATCH} {unit} are printed; the same command starts over"
    )
    assert len(whole) == count
    assert output.getvalue().splitlines() == whole[: 2 * BATCH]
    assert main(argv) == 0
    assert capsys.readouterr().out.splitlines() == whole


def test_a_bad_row_is_named_before_anything_is_printed(command, samples, capsys):
    argv, *_ = command
    with samples.open("a") as file:
        file.write('{"id": "x", "question": "?", "gold": "5"}\n')
    assert main(argv) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"samples.jsonl: row {QUESTIONS * SAMPLES + 1}: 'responses': " in printed.err

"""Commands explain themselves at once, without loading what only their work needs."""

import json
import os
import shlex
import subprocess
import sys

import pytest
from sent.__main__ import COMMANDS, main
from sent.failures import explain

HEAVY = (
    "torch",
    "transformers",
    "vllm",
    "duckdb",
    "pandas",
    "math_verify",
    "snakemake",
    "sentence_transformers",
)
SHOW_HELP = f"""
import sys, time
from sent.__main__ import main
try:
    main([sys.argv[1], "--help"])
except SystemExit:
    pass
print("seconds", time.process_time(), "loaded", [name for name in {HEAVY} if name in sys.modules])
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_quick_and_light(command):
    run = subprocess.run([sys.executable, "-c", SHOW_HELP, command], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    *explanation, last = run.stdout.splitlines()
    _, seconds, _, loaded = last.split(maxsplit=3)
    assert explanation[0].startswith(f"usage: python -m sent {command}")
    assert loaded == "[]"
    assert float(seconds) < 0.5


def test_unknown_command_names_the_nearest():
    run = subprocess.run([sys.executable, "-m", "sent", "samplin"], capture_output=True, text=True)
    assert run.returncode == 2
    assert "did you mean 'sampling'?" in run.stderr


def shell(line: str, **options) -> subprocess.CompletedProcess:
    """Run a line of bash with `sent` for the command line."""
    line = line.replace("sent ", f"{shlex.quote(sys.executable)} -m sent ")
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, **options)


@pytest.fixture
def answers(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text('{"id": "é", "gold": "1", "prediction": "1"}\n' * 5000, encoding="utf-8")
    return path


def test_a_full_or_closed_output_is_one_line(answers, tmp_path):
    full = shell(f"sent grade {answers} > /dev/full")
    assert full.returncode == 1
    assert (
        full.stderr
        == "error: standard output: No space left on device; check that it is there, may be used and has room\n"
    )
    # A closed output is as /dev/null: no file that is opened later gets the words.
    assert shell("sent --help >&-").returncode == 0
    closed = shell(f"sent grade {answers} >&- 2> {tmp_path}/log")
    assert (closed.returncode, closed.stderr) == (0, "")
    assert "graded 5000 rows" in (tmp_path / "log").read_text()


def test_a_reader_that_has_seen_enough_is_no_error(answers):
    run = shell(f"set -o pipefail; sent grade {answers} | head -n 1")
    assert json.loads(run.stdout)["verdict"] == "correct"
    assert "Traceback" not in run.stderr and "error" not in run.stderr


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("/proc/x.parquet", "/proc/x.parquet: cannot be written ([Errno 2] Failed to open"),
        ("folder", "folder: a folder with files that no command of ours has written"),
        ("file/x.parquet", "file: File exists"),
        ("questions.jsonl", "--output questions.jsonl: that is the source"),
    ],
)
def test_an_output_that_cannot_be_written_is_one_line(output, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("folder/kept", "file"):
        (tmp_path / name).write_text("kept")
    (tmp_path / "questions.jsonl").write_text('{"question": "1+1?", "answer": "2"}\n')
    assert main(["data", "--source", '{"path": "questions.jsonl"}', "--output", output]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"error: {said}")
    assert (tmp_path / "folder/kept").read_text() == (tmp_path / "file").read_text() == "kept"


def test_an_output_is_none_of_the_inputs(tmp_path, capsys):
    (tmp_path / "a.parquet").write_text("kept")
    files = (
        "--samples",
        f"{tmp_path}/a.parquet",
        "--questions",
        "b",
        "--output",
        f"{tmp_path}/../{tmp_path.name}/a.parquet",
    )
    assert main(["grading", *files]) == 1
    assert "a.parquet: that is --samples, which would be lost" in capsys.readouterr().err
    assert (tmp_path / "a.parquet").read_text() == "kept"


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_input_and_output_are_utf_8_in_any_locale(answers, locale):
    environment = {**os.environ, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    run = shell(f"head -n 1 {answers} | sent grade -", env=environment)
    assert json.loads(run.stdout)["id"] == "é"


def test_an_interrupted_command_is_one_line(answers, tmp_path):
    script = (
        "import os, shutil, signal, sys; from sent.__main__ import main;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # ignored in the background
        "shutil.copyfileobj = lambda *files: os.kill(os.getpid(), signal.SIGINT);"  # as it reads standard input
        "sys.exit(main(['grade', '-']))"
    )
    run = subprocess.run([sys.executable, "-c", script], input="", capture_output=True, text=True)
    assert run.returncode == 130
    assert run.stderr == "error: interrupted; nothing is printed; the same command starts over\n"


def test_what_a_library_raises_names_the_file(tmp_path):
    from transformers import AutoTokenizer

    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "tokenizer.json").write_text('{"version": "9", "model": {"type": "Unknown"}}')
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    with pytest.raises(Exception) as raised:
        AutoTokenizer.from_pretrained(str(tmp_path))
    told = explain(raised.value)
    assert told.startswith(f"{tmp_path}: transformers cannot go on: ") and "\n" not in told


def test_an_engine_of_vllm_that_was_killed_is_one_line():
    died = type("EngineDeadError", (Exception,), {"__module__": "vllm.v1.engine.exceptions"})
    said = "EngineCore encountered an issue.\nSee stack trace (above) for the root cause."
    assert explain(died(said)) == f"vllm cannot go on: EngineDeadError: {' '.join(said.split())}"


def test_a_missing_package_is_named_with_what_brings_it():
    assert explain(ModuleNotFoundError("No module named 'peft'", name="peft")) == (
        "peft is not installed: pip install 'sent-rlvr[lora]'"
    )


def test_a_fault_of_our_own_stays_a_traceback():
    try:
        {}["sent"]
    except KeyError as error:
        assert explain(error) is None

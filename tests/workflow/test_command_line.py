"""Commands explain themselves at once, without loading what only their work needs."""

import subprocess
import sys

import pytest
from sent.__main__ import COMMANDS

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

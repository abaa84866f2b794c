"""A copy of the workflow whose stages only write what they declare, and quick runs of Snakemake on it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

SNAKEMAKE = [sys.executable, "-m", "snakemake"]

STAND_IN = """#!/bin/sh
# Stands in for `python` and `accelerate`: notes the call, and writes what a stage declares as its outputs.
printf '%s\\n' "$@" > "$(dirname "$0")/calls/$$"
while [ $# -gt 0 ]; do
  case "$1" in --output|--dropped|--held-out|--clusters|--calibration|--page|--metrics|--rollouts|--probe-output|\\
    --summary|--opening)
    mkdir -p "$(dirname "$2")"
    case "$(basename "$2")" in *.*) echo "$2" > "$2";; *) mkdir -p "$2"; echo "$2" > "$2/content";; esac
  esac
  shift
done
"""

TRIAL = {
    "experiment": "trial",
    "models": ["nano-smoke"],
    "methods": ["base", "grpo", "sent"],
    "benchmarks": ["chain"],
    "data": {"train": {"generator": {"families": ["chain"], "count": 8}}},
    "semantic_entropy": {"nli_model": "nano-nli-smoke"},
}


PLANNER = """
# Loads Snakemake once, then runs each command line that comes in, in a process forked for it.
import json, os, sys
from snakemake.cli import main

for line in sys.stdin:
    arguments, output = json.loads(line)
    if not (child := os.fork()):
        for stream in (1, 2):
            os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        main(arguments)  # ends the process
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def merged(base: dict, changes: dict) -> dict:
    """Return ``base`` with ``changes`` laid over it; ``...`` at the head of a list stands for what the base has."""
    both = dict(base)
    for key, value in changes.items():
        if isinstance(value, dict):
            value = merged(both.get(key) or {}, value)
        elif isinstance(value, list) and value[:1] == ["..."]:
            value = [*both[key], *value[1:]]
        both[key] = value
    return both


class Planner:
    """Runs Snakemake in a working folder, without loading it anew for every command."""

    def __init__(self, work: Path):
        command, self.output = [sys.executable, "-c", PLANNER], work / "planner.log"
        self.process = subprocess.Popen(
            command, cwd=work, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, arguments: list[str]) -> str:
        """Return what Snakemake prints; fail where it does."""
        self.output.unlink(missing_ok=True)
        print(json.dumps([arguments, str(self.output)]), file=self.process.stdin, flush=True)
        status = self.process.stdout.readline()
        assert status == "0\n", self.output.read_text()
        return self.output.read_text()

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


@dataclass(frozen=True)
class Checkout:
    """A copy of the workflow at ``root``, a working folder beside it, and an experiment."""

    root: Path
    work: Path
    experiment: dict

    def arguments(self, *arguments, changes: dict | None = None) -> list[str]:
        """Return Snakemake's arguments for the experiment with ``changes`` laid over it."""
        config = self.work / f"{self.experiment['experiment']}.yaml"
        config.write_text(yaml.safe_dump(merged(self.experiment, changes or {})))
        place = ["--snakefile", str(self.root / "Snakefile"), "--directory", str(self.work)]
        return ["--cores", "2", *place, *arguments, "--configfile", str(config)]

    def snakemake(self, *arguments, changes: dict | None = None) -> subprocess.CompletedProcess:
        """Run Snakemake on the experiment with ``changes`` laid over it."""
        command = [*SNAKEMAKE, *self.arguments(*arguments, changes=changes)]
        environment = {**os.environ, "PATH": f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True)

    def calls(self) -> list[list[str]]:
        """Return the arguments of every command that a stage was started with, from the stage's name on."""
        lines = [path.read_text().splitlines() for path in sorted((self.root / "bin" / "calls").iterdir())]
        return [arguments[arguments.index("sent") + 1 :] for arguments in lines]

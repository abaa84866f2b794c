"""A copy of the checkout, and a run of it in which no stage computes: for tests of what Snakemake plans."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
SNAKEMAKE = [sys.executable, "-m", "snakemake"]

STAND_IN = """#!/bin/sh
# Stands in for `python` and `accelerate`: notes the call, and writes what a stage declares as its outputs.
printf '%s\\n' "$@" > "$(dirname "$0")/calls/$$"
while [ $# -gt 0 ]; do
  case "$1" in --output|--dropped|--clusters|--calibration|--page|--metrics|--summary|--opening)
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


def _merged(base: dict, changes: dict) -> dict:
    nested = {k: _merged(base[k], v) for k, v in changes.items() if isinstance(v, dict) and k in base}
    return {**base, **changes, **nested}


@dataclass(frozen=True)
class Checkout:
    """A copy of the workflow at ``root`` with a working folder beside it."""

    root: Path
    work: Path

    def snakemake(self, *arguments, changes: dict | None = None) -> subprocess.CompletedProcess:
        """Run Snakemake on the trial experiment with ``changes`` laid over it."""
        config = self.work / "trial.yaml"
        config.write_text(yaml.safe_dump(_merged(TRIAL, changes or {})))
        command = [*SNAKEMAKE, "--cores", "2", "--snakefile", str(self.root / "Snakefile"), *arguments]
        command += ["--configfile", str(config), "--directory", str(self.work)]
        environment = {**os.environ, "PATH": f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True)

    def calls(self) -> list[list[str]]:
        """Return the arguments of every command that a stage was started with, from the stage's name on."""
        lines = [path.read_text().splitlines() for path in sorted((self.root / "bin" / "calls").iterdir())]
        return [arguments[arguments.index("sent") + 1 :] for arguments in lines]

    def plan(self, *arguments, changes: dict | None = None) -> dict[str, int]:
        """Return how many jobs of each rule Snakemake would run, target rules left out."""
        run = self.snakemake("--dry-run", *arguments, changes=changes)
        assert run.returncode == 0, run.stdout + run.stderr
        stats = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\ntotal", run.stdout + run.stderr, re.DOTALL)
        counts = dict(re.findall(r"^(\w+) +(\d+)", stats[1], re.MULTILINE)) if stats else {}
        return {rule: int(count) for rule, count in counts.items() if rule != "all"}


def copy_of_checkout(folder: Path) -> Checkout:
    """Return a copy of the workflow below ``folder``, with a stand-in for Python."""
    root, work = folder / "checkout", folder / "work"
    work.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("rules", "config", "workflow"):
        shutil.copytree(REPOSITORY / name, root / name, ignore=ignore)
    shutil.copy(REPOSITORY / "Snakefile", root)
    (root / "profiles").symlink_to("workflow/profiles")
    (root / "bin" / "calls").mkdir(parents=True)
    for name in ("python", "accelerate"):
        (root / "bin" / name).write_text(STAND_IN)
        (root / "bin" / name).chmod(0o755)
    return Checkout(root, work)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Checkout:
    """A copy of the workflow that a test may edit, and must put back."""
    return copy_of_checkout(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def own_checkout(tmp_path) -> Checkout:
    """A copy of the workflow for one test alone."""
    return copy_of_checkout(tmp_path)


@pytest.fixture(scope="session")
def finished(checkout) -> Checkout:
    """The copy after a whole run of the trial experiment."""
    run = checkout.snakemake()
    assert run.returncode == 0, run.stdout + run.stderr
    return checkout

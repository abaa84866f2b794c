"""The workflow inside another one, from a hosted repository, in other folders, and several experiments at once."""

import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from checkouts import SNAKEMAKE, TRIAL, Checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(checkout: Checkout, snakefile: str, folder: Path, *arguments, **variables) -> str:
    """Run a Snakefile in a folder with stages that only write what they declare; return what is printed."""
    (folder / "workflow").mkdir(exist_ok=True)
    (folder / "workflow" / "Snakefile").write_text(snakefile)
    path = f"{checkout.root / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*SNAKEMAKE, "--cores", "2", *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_all_of_it_as_a_module_with_a_rule_of_ones_own(checkout, tmp_path):
    """Rules are renamed, paths put below a folder, and a rule of the outer workflow takes up an output."""
    run(
        checkout,
        f"""
module sent:
    snakefile: "{checkout.root}/workflow/Snakefile"
    config: {TRIAL}
    prefix: "inner"

use rule * from sent as sent_*

rule mine:
    default_target: True
    input: "inner/results/trial/curriculum/nano-smoke/semantic_entropy.parquet", rules.sent_all.input
    output: "mine.txt"
    shell: "cp {{input[0]}} {{output}}"
""",
        tmp_path,
    )
    assert (
        tmp_path / "mine.txt"
    ).read_text() == "inner/results/trial/curriculum/nano-smoke/semantic_entropy.parquet\n"
    assert (tmp_path / "inner/results/trial/report.html").is_file()
    assert not (tmp_path / "results").exists()
    stray = [call for call in checkout.calls() if "--root" in call and "results/trial" in call]
    assert not [call for call in stray if call[call.index("--output") + 1].startswith("inner")]


def test_files_of_ones_own_stand_in_the_working_directory_of_a_module_with_a_prefix(checkout, tmp_path):
    (tmp_path / "mine.jsonl").write_text('{"question": "1+1?", "answer": "2", "responses": ["2"]}\n')
    config = {
        "experiment": "trial",
        "models": ["m"],
        "recorded": {"path": "mine.jsonl"},
        "semantic_entropy": {"entailment": "exact"},
        "registry": {"models": {"m": {"label": "M"}}},
    }
    run(
        checkout,
        f"""
module sent:
    snakefile: "{checkout.root}/workflow/Snakefile"
    config: {config}
    prefix: "inner"

use rule * from sent as sent_*

rule mine:
    default_target: True
    input: rules.sent_curriculum.input
""",
        tmp_path,
    )
    assert (tmp_path / "inner/results/trial/curriculum/m/semantic_entropy.parquet").is_file()
    assert [call for call in checkout.calls() if "mine.jsonl" in " ".join(call)]


def test_a_deployed_copy_runs_everything_by_default(checkout, tmp_path):
    """What a deployment writes: a folder config/ to change, and a Snakefile that uses a tag of a repository."""
    source, cache = tmp_path / "source", tmp_path / "cache"
    source.mkdir()
    for name in ("Snakefile", "rules", "config", "workflow"):
        (source / name).symlink_to(checkout.root / name)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    clone = cache / "snakemake/snakemake/source-cache/snakemake-git-cache/github.com/owner/sent"
    subprocess.run(["cp", "-rL", source, tmp_path / "copy"], check=True)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"], ["tag", "v1"]):
        subprocess.run([*git, *command], cwd=tmp_path / "copy", check=True)
    # Stands in for the network: Snakemake fetches into this place, and takes what is there.
    subprocess.run(["git", "clone", "-q", "--bare", tmp_path / "copy", clone], check=True)

    folder = tmp_path / "deployed"
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "config.yaml").write_text(yaml.safe_dump(TRIAL))
    snakefile = """
configfile: "config/config.yaml"

module sent:
    snakefile: github("owner/sent", path="workflow/Snakefile", tag="v1")
    config: config

use rule * from sent
"""
    variables = {"XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(checkout.root / "workflow")}
    run(checkout, snakefile, folder, **variables)
    assert (folder / "results/trial/report.html").is_file()
    assert "Nothing to be done" in run(checkout, snakefile, folder, "--dry-run", **variables)

    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sent.py").write_text("raise ModuleNotFoundError(\"No module named 'sent'\")")
    variables["PYTHONPATH"] = str(broken)
    with pytest.raises(AssertionError, match="needs its package installed beside Snakemake"):
        run(checkout, snakefile, folder, "--dry-run", **variables)


def test_the_folder_workflow_holds_the_whole_workflow(checkout, tmp_path):
    text = f'include: "{checkout.root}/workflow/Snakefile"'
    (tmp_path / "trial.yaml").write_text(yaml.safe_dump(TRIAL))
    inner = str(checkout.root / "workflow" / "Snakefile")
    printed = run(checkout, text, tmp_path, "-n", "--snakefile", inner, "--configfile", "trial.yaml")
    assert "Building the database of trial" in printed


HOLD = """#!/bin/sh
# Lets the first job of a run wait, so that the run goes on as long as a test wants.
touch started
while [ ! -e go ]; do sleep 0.1; done
PATH=${PATH#*:} exec python "$@"
"""


def test_two_experiments_run_at_once_in_one_folder_but_one_experiment_not_twice(checkout, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    slow = Checkout(checkout.root, work, {**TRIAL, "experiment": "slow"})
    quick = replace(slow, experiment={**TRIAL, "experiment": "quick"})
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(HOLD)
    (tmp_path / "bin" / "python").chmod(0o755)
    path = os.pathsep.join([str(tmp_path / "bin"), str(checkout.root / "bin"), os.environ["PATH"]])
    first = subprocess.Popen(
        [*SNAKEMAKE, *slow.arguments()],
        cwd=work,
        env={**os.environ, "PATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not (work / "started").exists():
            assert first.poll() is None
            time.sleep(0.1)
        twice = slow.snakemake()
        assert twice.returncode != 0
        assert "Directory cannot be locked" in twice.stdout + twice.stderr
        done = quick.snakemake()
        assert done.returncode == 0, done.stderr
        assert first.poll() is None
    finally:
        (work / "go").touch()
        assert first.wait() == 0
    for experiment in (slow, quick):
        again = experiment.snakemake("--dry-run")
        assert "Nothing to be done" in again.stdout + again.stderr

"""The package installed by pip, not in place: its commands find the registries that it brings, from any folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder with the package as a wheel holds it; the checkout itself stays as it is."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("workflow", "config"):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignore)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*command, "--target", target, source], capture_output=True, text=True)
    if "No module named pip" in done.stderr:
        pytest.skip("no pip beside this Python")
    assert done.returncode == 0, done.stderr
    shutil.rmtree(source)
    return target


@pytest.fixture
def sent(installed, tmp_path):
    """A function that runs a command of the installed package in an empty folder."""

    def run(*arguments: str) -> subprocess.CompletedProcess:
        environment = {**os.environ, "PYTHONPATH": str(installed)}
        command = [sys.executable, "-m", "sent", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


def write(folder: Path, **changes) -> None:
    config = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    (folder / "mine.yaml").write_text(yaml.safe_dump(config | changes))


def test_registries_come_with_it_and_a_folder_s_own_go_before(sent, installed, tmp_path):
    write(tmp_path)
    for command in ("plan", "status"):
        done = sent(command, "--configfile", "mine.yaml")
        assert done.returncode == 0, done.stderr
        assert "smoke: " in done.stdout
    database = (
        "results",
        "database",
        "--root",
        "results/smoke",
        "--experiment",
        "mine.yaml",
        "--output",
        "now.duckdb",
    )
    (tmp_path / "results/smoke").mkdir(parents=True)
    assert sent(*database).returncode == 0

    write(tmp_path, methods=["mine"])
    refused = sent("plan", "--configfile", "mine.yaml").stderr
    assert (
        f"mine.yaml: 'methods': no method is called 'mine' in {installed}/sent/registries/methods.yaml"
        in refused
    )
    (tmp_path / "config").mkdir()
    (tmp_path / "config/methods.yaml").write_text("mine: {curriculum: semantic_entropy}\n")
    assert sent("status", "--configfile", "mine.yaml").returncode == 0
    (tmp_path / "config/methods.yaml").write_text("mine: {clip_low: 2}\n")
    refused = sent("status", "--configfile", "mine.yaml").stderr
    assert "error: config/methods.yaml: mine: 'clip_low'" in refused

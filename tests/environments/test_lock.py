"""The locked versions are versions that pyproject.toml allows, complete, and what stands in the recipes agrees."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TEXTS = (".md", ".py", ".smk", ".yaml", ".yml", ".toml", ".lock", ".def", "file")
ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = {
    "requirements.lock": [*PROJECT["dependencies"], *EXTRAS["test"]],
    "requirements-gpu.lock": [*PROJECT["dependencies"], *EXTRAS["gpu"], *EXTRAS["lora"]],
}


def locked(name: str) -> dict[str, str]:
    """The versions of a lock file by package; every other line is a comment."""
    lines = (ROOT / "envs" / name).read_text().splitlines()
    pairs = [re.fullmatch(r"([A-Za-z0-9._-]+)==([^ +]+)", line) for line in lines if not line.startswith("#")]
    assert all(pairs), f"{name}: a line is not NAME==VERSION"
    return {canonicalize_name(pair[1]): pair[2] for pair in pairs}


def installed(name: str) -> str:
    """The installed version without the label of a build, or nothing."""
    try:
        return importlib.metadata.version(name).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return ""


def applies(requirement: Requirement, extras: set[str]) -> bool:
    """Whether a requirement counts on Linux with Python 3.11 and these extras of its package."""
    marker = requirement.marker
    place = {"python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux"}
    return marker is None or any(marker.evaluate({**place, "extra": extra}) for extra in {"", *extras})


@pytest.mark.parametrize("name", LOCKS)
def test_locked_versions_are_allowed(name):
    versions = locked(name)
    for requirement in map(Requirement, LOCKS[name]):
        version = versions.get(canonicalize_name(requirement.name))
        assert version, f"{name} lacks {requirement.name}"
        assert requirement.specifier.contains(version), f"{requirement}, but {name} has {version}"


def test_the_lock_is_complete_and_fits_itself():
    """Whatever the packages need in turn, as far as the locked version is the installed one, is locked to a fit."""
    versions, seen = locked("requirements.lock"), set()
    waiting = [(Requirement(text).name, Requirement(text).extras) for text in LOCKS["requirements.lock"]]
    while waiting:
        name, extras = waiting.pop()
        key = (canonicalize_name(name), frozenset(extras))
        if key in seen:
            continue
        seen.add(key)
        if installed(name) != versions[key[0]]:
            continue  # another release may need other packages
        for inner in map(Requirement, importlib.metadata.requires(name) or []):
            if applies(inner, set(extras)) and canonicalize_name(inner.name) not in ("setuptools", "pip"):
                version = versions.get(canonicalize_name(inner.name))
                # A build of torch for the CPU needs none of what the CUDA build brings.
                assert version or "nvidia" in inner.name or inner.name == "triton", f"{name} needs {inner}"
                if version:
                    assert inner.specifier.contains(version, prereleases=True), f"{name} needs {inner}"
                    waiting.append((inner.name, inner.extras))
    assert len(seen) > 60


def test_installed_versions_are_allowed_and_drift_is_told():
    """A newer release that pyproject.toml allows is only reported: `make lock` takes it in once all tests pass."""
    for requirement in map(Requirement, LOCKS["requirements.lock"]):
        if version := installed(requirement.name):
            assert requirement.specifier.contains(version), f"installed is {requirement.name} {version}"
    drift = [
        f"{name}: {version} locked, {installed(name) or 'nothing'} installed"
        for name, version in locked("requirements.lock").items()
        if installed(name) != version
    ]
    if drift:
        warnings.warn("other than in envs/requirements.lock: " + "; ".join(drift), stacklevel=1)
    assert len(drift) < len(locked("requirements.lock"))


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_conda_files_pin_what_the_project_pins(name):
    environment = yaml.safe_load((ROOT / "envs" / f"{name}.yaml").read_text())
    *conda, pip = environment["dependencies"]
    (python,) = [line.partition("=")[2] for line in conda if line.startswith("python=")]
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(python)
    allowed = {
        Requirement(text).name: Requirement(text) for text in [*PROJECT["dependencies"], *EXTRAS["gpu"]]
    }
    pins = [Requirement(line) for line in pip["pip"] if not line.startswith("--")]
    assert pins
    for pin in pins:
        assert pin.specifier == allowed[pin.name].specifier
    (lock,) = [line.split()[1] for line in pip["pip"] if line.startswith("--constraint")]
    (project,) = [line.split()[1] for line in pip["pip"] if line.startswith("--editable")]
    extras = re.search(r"\[(.*)\]", project)[1].split(",")
    assert project.startswith("..[")
    assert LOCKS[lock] == PROJECT["dependencies"] + [text for extra in extras for text in EXTRAS[extra]]


def test_container_recipes_build_from_what_is_there():
    docker = (ROOT / "envs" / "Dockerfile").read_text()
    ignored = (ROOT / "envs" / "Dockerfile.dockerignore").read_text()
    apptainer = (ROOT / "envs" / "sent.def").read_text()
    for recipe in (docker, apptainer):
        assert set(re.findall(r"requirements\S*\.lock", recipe)) == set(LOCKS)
        assert re.search(r"^F(?:ROM|rom):? python:3\.11-slim$", recipe, re.MULTILINE)
    for source in [
        name for line in re.findall(r"^COPY (.*) \S+$", docker, re.MULTILINE) for name in line.split()
    ]:
        assert list(ROOT.glob(source)), source
        assert f"!{source}" in ignored
    copied = re.search(r"%files\n((?: +.*\n)+)", apptainer)[1].replace("{{ lock }}", "requirements.lock")
    for source in [line.split()[0] for line in copied.splitlines()]:
        assert (ROOT / source).exists(), source
    arguments = set(
        re.findall(r"^ +(\w+)=", re.search(r"%arguments\n((?: +.*\n)+)", apptainer)[1], re.MULTILINE)
    )
    assert set(re.findall(r"\{\{ (\w+) \}\}", apptainer)) == arguments


def test_nothing_installs_another_project_of_our_package_s_name():
    """`sent` on PyPI is a stranger's package: what pages, messages and recipes install is `sent-rlvr`, or a folder."""
    assert PROJECT["name"] == "sent-rlvr"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    texts = [ROOT / name for name in tracked.stdout.split("\0") if name.endswith(TEXTS)]
    assert len(texts) > 100
    pattern = re.compile(r"pip install (?:-\S+ )*'?sent\b(?!-rlvr)|^sent\b(?!-rlvr)\S*==", re.MULTILINE)
    wrong = [
        path.name for path in texts if path.is_file() and pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert not wrong


def test_versions_agree_and_are_told():
    """The package holds the version; the distribution takes it from there, the citation repeats it."""
    import sent

    assert PROJECT["dynamic"] == ["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == sent.__version__
    told = subprocess.run(
        [sys.executable, "-m", "sent", "--version"], capture_output=True, text=True, check=True
    )
    assert told.stdout == f"sent {sent.__version__}\n"


def test_the_console_script_is_the_command_line():
    from sent.__main__ import main

    assert PROJECT["scripts"] == {"sent": "sent.__main__:main"}
    assert main(["--version"]) == 0

"""A copy of the checkout, and a run of it in which no stage computes: for tests of what Snakemake plans."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from checkouts import STAND_IN, TRIAL, Checkout

REPOSITORY = Path(__file__).resolve().parents[2]


def copy_of_checkout(folder: Path) -> Checkout:
    """Return a copy of the workflow below ``folder``, with a stand-in for Python."""
    root, work = folder / "checkout", folder / "work"
    work.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("rules", "config", "workflow"):
        shutil.copytree(REPOSITORY / name, root / name, symlinks=True, ignore=ignore)
    shutil.copy(REPOSITORY / "Snakefile", root)
    (root / "profiles").symlink_to("workflow/profiles")
    (root / "bin" / "calls").mkdir(parents=True)
    for name in ("python", "accelerate"):
        (root / "bin" / name).write_text(STAND_IN)
        (root / "bin" / name).chmod(0o755)
    return Checkout(root, work, TRIAL)


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


@pytest.fixture(scope="module")
def calls(tmp_path_factory) -> list[list[str]]:
    """The command lines of a whole run of the trial experiment, in a copy that no other test has run."""
    own = copy_of_checkout(tmp_path_factory.mktemp("calls"))
    run = own.snakemake()
    assert run.returncode == 0, run.stdout + run.stderr
    return own.calls()

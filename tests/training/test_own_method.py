"""docs/own_method.md works as it stands; docs/methods.md tells of every method and logged figure."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from minibatches import batch_of, share_of, weights_of
from registry import METHODS
from sent.errors import SentError
from sent.experiment import load
from sent.training import advantages, recipe, surrogates, weightings
from sent.training.loss import averages, method_loss

ROOT = Path(__file__).parents[2]


def blocks(begin: str, end: str | None) -> tuple[list[str], list[str]]:
    """Return the Python and the YAML of the page from one heading to another, or to its end."""
    text = (ROOT / "docs" / "own_method.md").read_text().partition(f"\n## {begin}\n")[2]
    text = text.partition(f"\n## {end}\n")[0] if end else text
    return tuple(re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("python", "yaml"))


@pytest.fixture
def example(tmp_path, monkeypatch):
    """Do what the page says between two headings, in a folder of its own; return the names that its last step makes."""

    def run(begin: str, end: str, folder, file: str) -> dict:
        (function, look), (entry,) = blocks(begin, end)
        (tmp_path / file).write_text(function)
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "methods.yaml").write_text(entry)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
        names = {}
        exec(look, names)  # the page's own assertions
        return names

    return run


def test_the_worked_example_runs(example):
    names = example("1. The function", "An advantage of your own", weightings, "damp_certain.py")
    batch = batch_of(names["method"], share_of(np.log([[0.5, 0.995, 0.999]])))
    logp = batch.logp_old.clone().requires_grad_()
    loss, _ = method_loss(names["method"], logp, None, batch)
    loss.backward()
    assert logp.grad.tolist() == pytest.approx([-1 / 3, -1 / 6, -1 / 6])


def test_the_advantage_of_the_page_runs(example):
    names = example("An advantage of your own", "A surrogate of your own", advantages, "rare_success.py")
    recipe.check(names["method"], "rare_success")


def test_the_surrogate_of_the_page_runs(example):
    names = example("A surrogate of your own", "A reward of your own", surrogates, "parabola.py")
    batch = batch_of(names["method"], share_of([[-0.5, -0.1]]))
    loss, sums = method_loss(names["method"], batch.logp_old - np.log(0.5), None, batch)  # ratios of 2
    assert loss.item() == pytest.approx(-(2 - 1 / 0.4)) and sums["clipped"] == 2


def test_the_reward_of_the_page_runs(tmp_path, monkeypatch):
    (function, look), (entry,) = blocks("A reward of your own", None)
    (tmp_path / "short_answers.py").write_text(function)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "short_answers", raising=False)
    exec(look, {})
    others = {
        "experiment": "own", "models": ["nano-small"], "data": {"train": {"generator": {"families": ["chain"]}}},
        "semantic_entropy": {"entailment": "exact"},
    }  # fmt: skip
    resolved = load(others | yaml.safe_load(entry))
    assert resolved.methods["short"].reward.constants == {"limit": 40}
    with pytest.raises(SentError, match="is code from outside the package"):
        load(others | yaml.safe_load(entry) | {"allow_own_code": False})


def test_the_page_of_methods_explains_every_logged_figure():
    """All figures of all methods are in the table, or stand between the ends of a range of quantiles."""
    page = (ROOT / "docs" / "methods.md").read_text()
    values = np.random.default_rng(0).random((4, 30))
    share = share_of(-values, values[:, 0], values)
    logged = set()
    for method in METHODS.values():
        _, figures = weights_of(method, share)
        logp, entropy = (torch.from_numpy(share[i]) for i in (3, 5))
        _, sums = method_loss(method, logp, entropy, batch_of(method, share), entropy_coefficient=0.1)
        logged |= figures.keys() | averages({key: value.item() for key, value in sums.items()}, 120.0).keys()
    counts = {"tokens", "sequences"}
    quantiles = {name for name in logged if re.fullmatch(r"covariance_p\d+", name)}
    assert [name for name in sorted(logged - counts - quantiles) if f"`{name}`" not in page] == []
    assert {"covariance_p01", "covariance_p999"} <= quantiles

"""docs/own_method.md works as it stands; docs/methods.md tells of every method and logged figure."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from minibatches import batch_of, share_of, weights_of
from registry import METHODS
from sent.training import weightings
from sent.training.loss import averages, method_loss

ROOT = Path(__file__).parents[2]


def test_the_worked_example_runs(tmp_path, monkeypatch):
    text = (ROOT / "docs" / "own_method.md").read_text()
    function, look = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (entry,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "damp_certain.py").write_text(function)
    (tmp_path / "methods.yaml").write_text(entry)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(weightings, "__path__", [*weightings.__path__, str(tmp_path)])
    names = {}
    exec(look, names)  # the page's own assertions
    batch = batch_of(names["method"], share_of(np.log([[0.5, 0.995, 0.999]])))
    logp = batch.logp_old.clone().requires_grad_()
    loss, _ = method_loss(names["method"], logp, None, batch)
    loss.backward()
    assert logp.grad.tolist() == pytest.approx([-1 / 3, -1 / 6, -1 / 6])


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
        logged |= figures.keys() | averages({key: value.item() for key, value in sums.items()}).keys()
    counts = {"tokens", "sequences"}
    quantiles = {name for name in logged if re.fullmatch(r"covariance_p\d+", name)}
    assert [name for name in sorted(logged - counts - quantiles) if f"`{name}`" not in page] == []
    assert {"covariance_p01", "covariance_p999"} <= quantiles

"""docs/own_method.md works as it stands; docs/methods.md tells of every method and logged figure."""

import re
from pathlib import Path

import torch
import yaml
from sent.config import Method, parse
from sent.training import objectives
from sent.training.loss import MicroBatch, averages, objective
from sent.training.plan import TokenStatistics, plan_tokens

ROOT = Path(__file__).parents[2]
REGISTRY = yaml.safe_load((ROOT / "config" / "methods.yaml").read_text())


def test_the_worked_example_runs(tmp_path, monkeypatch):
    text = (ROOT / "docs" / "own_method.md").read_text()
    function, look = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (entry,) = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    (tmp_path / "damp_certain.py").write_text(function)
    monkeypatch.setattr(objectives, "__path__", [*objectives.__path__, str(tmp_path)])
    names = {"entry": entry}
    exec(look, names)  # the page's own assertions
    method = names["method"]
    stats = names["stats"]
    logp = stats.logp.clone().requires_grad_()
    batch = MicroBatch(stats.logp_old, stats.mask, names["plan"], logp_ref=stats.logp)
    loss, _ = objective(method, logp, None, batch)
    loss.backward()
    torch.testing.assert_close(logp.grad, torch.tensor([[-1 / 3, -1 / 6, -1 / 6]]))


def test_the_page_of_methods_names_them_all():
    page = (ROOT / "docs" / "methods.md").read_text()
    assert [name for name in REGISTRY if f"`{name}`" not in page] == []


def test_the_page_of_methods_explains_every_logged_figure():
    """All figures of all methods are in the table, or stand between the ends of a range of quantiles."""
    page = (ROOT / "docs" / "methods.md").read_text()
    values = torch.rand(4, 30, generator=torch.Generator().manual_seed(0))
    stats = TokenStatistics(-values, -values, values, values, values.bool(), torch.arange(4))
    logged = set()
    for name, entry in REGISTRY.items():
        method = parse(Method, entry, name)
        plan = plan_tokens(method, stats, seed=0)
        batch = MicroBatch(stats.logp_old, stats.mask, plan, logp_ref=stats.logp)
        _, sums = objective(method, stats.logp, stats.entropy, batch)
        logged |= (
            plan.diagnostics.keys() | averages({key: value.item() for key, value in sums.items()}).keys()
        )
    counts = {"tokens", "sequences"}
    quantiles = {name for name in logged if re.fullmatch(r"covariance_p\d+", name)}
    assert [name for name in sorted(logged - counts - quantiles) if f"`{name}`" not in page] == []
    assert {"covariance_p01", "covariance_p999"} <= quantiles

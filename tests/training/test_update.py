"""An update does not depend on how its mini-batch is cut, sorted or spread over processes."""

import pytest
import torch
from accelerate import Accelerator
from registry import METHODS, largest_bonus
from sent.config import Method, Training
from sent.errors import SentError
from sent.training import surrogates
from sent.training.batch import Batch
from sent.training.policy import Policy
from sent.training.update import UpdateId, Updater
from sent.training.warnings import is_spike
from tiny import batch, language_model


def gradients(method: str, mini_batch: Batch, update: int = 0, **settings) -> dict[str, torch.Tensor]:
    """Return the gradients of one update, before clipping matters."""
    accelerator = Accelerator(cpu=True)
    policy = accelerator.prepare(Policy(language_model()))
    optimizer = accelerator.prepare(torch.optim.SGD(policy.parameters(), lr=0.0))
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer)
    optimizer.zero_grad = lambda: None
    training = Training(prompts_per_step=2, minibatch_prompts=1, max_grad_norm=1e9, **settings)
    updater = Updater(accelerator, policy, optimizer, scheduler, METHODS[method], training)
    updater.update(mini_batch, UpdateId(seed=0, stage=1, step=1, update=update), largest_bonus(method))
    return {name: p.grad.clone() for name, p in accelerator.unwrap_model(policy).named_parameters()}


def largest_difference(a: dict, b: dict) -> float:
    return max((a[name] - b[name]).abs().max().item() for name in a)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_do_not_depend_on_micro_batches_or_order(method):
    whole = gradients(method, batch())
    assert max(g.abs().max().item() for g in whole.values()) > 1e-4
    for budget in (1, 34, 68, 136):
        assert largest_difference(whole, gradients(method, batch(), micro_batch_tokens=budget)) < 1e-6
    shuffled = batch().select([7, 2, 9, 0, 11, 4, 1, 10, 3, 8, 6, 5])
    assert largest_difference(whole, gradients(method, shuffled, micro_batch_tokens=40)) < 1e-6


@pytest.mark.parametrize("method", ["clip_cov", "sent"])
def test_later_updates_select_by_the_policy_as_it_is_then(method):
    """The second update's statistics come from a fresh pass, which is cut into micro-batches as well."""
    whole = gradients(method, batch(), update=1)
    cut = gradients(method, batch(), update=1, micro_batch_tokens=40, scoring_batch_tokens=20)
    assert largest_difference(whole, cut) < 1e-6
    assert largest_difference(whole, gradients(method, batch())) > 1e-6


def test_a_loss_that_is_not_finite_stops_before_the_step():
    broken = batch()
    broken.advantages[3] = float("inf")
    with pytest.raises(
        SentError, match=r"step 1, update 0: advantages is not finite .* Questions: q1\. Look"
    ):
        gradients("grpo", broken)
    broken = batch()
    broken.logp_ref[broken.offsets[4]] = float("inf")
    with pytest.raises(
        SentError, match=r"loss_reference .* is not finite.* Questions: q0, q1, q2, q3, q4, q5\."
    ):
        gradients("grpo", broken)


def test_a_surrogate_that_breaks_away_from_the_old_policy_is_named(tmp_path, monkeypatch):
    """At a ratio of 1, where tokens are weighed, all is well."""
    (tmp_path / "breaking.py").write_text(
        "def breaking(ratio, advantage, logp):\n    return (2 - ratio).log(), ratio > 2\n"
    )
    monkeypatch.setattr(surrogates, "__path__", [*surrogates.__path__, str(tmp_path)])
    monkeypatch.setitem(METHODS, "own", Method(surrogate="breaking", clip_low=None, clip_high=None))
    with pytest.raises(SentError, match=r"update 0: loss_policy \(surrogate 'breaking'\) nan is not finite"):
        gradients("own", batch())


def make(**settings) -> tuple[Updater, dict[str, torch.Tensor]]:
    """Return an updater of a fresh policy, and its weights."""
    accelerator = Accelerator(cpu=True)
    policy = accelerator.prepare(Policy(language_model()))
    optimizer = accelerator.prepare(torch.optim.AdamW(policy.parameters(), lr=0.01))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: 1 / (1 + n))
    training = Training(prompts_per_step=2, minibatch_prompts=1, **settings)
    updater = Updater(accelerator, policy, optimizer, scheduler, METHODS["grpo"], training)
    return updater, dict(accelerator.unwrap_model(policy).named_parameters())


def weights_after(*batches: Batch) -> tuple[list[dict], dict[str, torch.Tensor]]:
    """Return the figures of updates that may be left out, and the weights that they end with."""
    updater, weights = make(on_nonfinite="skip")
    figures = [updater.update(b, UpdateId(0, 1, 1, 0)) for b in batches]
    return figures, {name: value.detach().clone() for name, value in weights.items()}


@pytest.mark.parametrize("field", ["advantages", "logp_ref"])
def test_an_update_that_is_not_finite_is_left_out_on_purpose(field, caplog):
    """Its gradient, too: the next update is what it would have been, at the learning rate of its place."""
    broken = batch()
    getattr(broken, field)[2] = float("inf")
    figures, weights = weights_after(broken, batch())
    assert figures[0] == {"skipped": 1} and figures[1]["grad_norm"] > 0
    assert "is not finite" in caplog.text and "this update is left out. Questions: q" in caplog.text
    updater, expected = make()
    updater.scheduler.step()
    updater.update(batch(), UpdateId(0, 1, 1, 0))
    assert largest_difference(weights, expected) == 0


def test_five_updates_in_a_row_that_are_not_finite_are_too_many():
    broken = batch()
    broken.logp_ref[0] = float("inf")
    figures, _ = weights_after(*[broken] * 4, batch(), *[broken] * 4)
    assert [len(f) == 1 for f in figures] == [True] * 4 + [False] + [True] * 4
    with pytest.raises(SentError, match="the 5th update in a row that had to be left out"):
        weights_after(*[broken] * 5)


def test_an_engine_that_steps_unseen_leaves_nothing_out(monkeypatch):
    monkeypatch.setattr("sent.training.parallelism.Replicated.steps_unseen", True)
    with pytest.raises(SentError, match="DeepSpeed takes its step before"):
        make(on_nonfinite="skip")


def test_a_spike_is_told_with_its_questions(caplog):
    rows = [{"grad_norm": 1.0}] * 9
    assert not is_spike(99.0, rows)
    assert is_spike(10.1, [*rows, {"reward": 0.0}, {"grad_norm": 50.0}])
    assert not is_spike(9.9, [*rows, {"grad_norm": 50.0}])
    assert not is_spike(None, rows * 2)
    make()[0].tell_spike(batch(), 12.5, UpdateId(0, 1, 3, 1))
    assert "step 3, update 1: the gradient's norm 12.5" in caplog.text
    assert "Questions: q0, q1, q2, q3, q4, q5" in caplog.text

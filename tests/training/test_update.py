"""An update does not depend on how its mini-batch is cut, sorted or spread over processes."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from registry import METHODS, largest_bonus
from sent.config import Method, Training
from sent.errors import SentError
from sent.training import recipe, surrogates
from sent.training.batch import Batch
from sent.training.policy import Policy, Sequences
from sent.training.stage import make_optimizer
from sent.training.update import UpdateId, Updater
from sent.training.warnings import is_spike
from tiny import batch, flat_groups, language_model


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


@pytest.fixture
def passed(monkeypatch) -> list[int]:
    """The numbers of responses in the passes of a policy, as they come."""
    counts = []
    forward = Policy.forward

    def counted(self, sequences: Sequences, need_entropy: bool = True):
        counts.append(len(sequences.rows.unique()))
        return forward(self, sequences, need_entropy)

    monkeypatch.setattr(Policy, "forward", counted)
    return counts


def passing_all(monkeypatch) -> None:
    monkeypatch.setattr("sent.training.update.pulling", lambda _, batch, *__: np.ones(len(batch), dtype=bool))


@pytest.mark.parametrize("method", METHODS)
def test_responses_that_pull_at_nothing_are_not_passed(method, passed, monkeypatch):
    """Half of the responses have no advantage. Gradients stay what they are, in one micro-batch and in many."""
    skipping = [gradients(method, flat_groups(), micro_batch_tokens=budget) for budget in (16384, 40)]
    pulls_everywhere = METHODS[method].reference_kl > 0 or recipe.needs_entropy_gradient(METHODS[method])
    if pulls_everywhere:
        assert sum(passed) == 24
    elif METHODS[method].kl_anchor is None:
        assert 0 < sum(passed) <= 12  # of `mask` fewer: some have no token of high entropy
    passing_all(monkeypatch)
    whole = gradients(method, flat_groups())
    assert max(g.abs().max().item() for g in whole.values()) > 1e-5
    assert all(largest_difference(found, whole) < 1e-7 for found in skipping)


def test_a_mini_batch_in_which_nothing_pulls_has_a_gradient_of_zero(passed):
    """Not none: AdamW then goes on by what it remembers, as it would after a pass."""
    still = batch()
    still.advantages[:] = 0
    found = gradients("clip_higher", still)
    assert sum(passed) == 0 and all(not gradient.any() for gradient in found.values())


def test_a_controller_at_its_lowest_pulls_at_nothing(passed):
    updater, _ = make("adaptive_entropy")
    for coefficient in (0.0, 0.01):
        updater.update(flat_groups(), UpdateId(0, 1, 1, 0), coefficient)
    assert passed == [6, 12]


def test_metrics_say_the_same_of_tokens_that_are_not_passed(monkeypatch):
    """But for distances to the policy of the rollout, which are means over what was passed."""

    def figures(prepare: Callable = lambda _: None) -> dict[str, float]:
        with pytest.MonkeyPatch.context() as patch:
            prepare(patch)
            return make("clip_higher")[0].update(flat_groups(), UpdateId(0, 1, 1, 0))

    found, whole = figures(), figures(passing_all)
    assert found.keys() == whole.keys()
    assert found.pop("kl_old") != pytest.approx(whole.pop("kl_old"), rel=1e-3)
    assert found.pop("kl_reference") != pytest.approx(whole.pop("kl_reference"), rel=1e-3)
    assert found == pytest.approx(whole, rel=1e-5) and found["clip_fraction"] > 0


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


def make(method: str = "grpo", **settings) -> tuple[Updater, dict[str, torch.Tensor]]:
    """Return an updater of a fresh policy, and its weights."""
    accelerator = Accelerator(cpu=True)
    policy = accelerator.prepare(Policy(language_model()))
    optimizer = accelerator.prepare(torch.optim.AdamW(policy.parameters(), lr=0.01))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: 1 / (1 + n))
    training = Training(prompts_per_step=2, minibatch_prompts=1, **settings)
    updater = Updater(accelerator, policy, optimizer, scheduler, METHODS[method], training)
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


def test_one_kernel_for_all_of_a_step_computes_what_many_do():
    """Five steps of AdamW by gradients of all sizes, with the weights of training, which have float32."""
    settings = Training(lr=0.01, weight_decay=0.1)
    policies = [Policy(language_model().float()) for _ in range(2)]
    one = make_optimizer(policies[0], settings)
    many = torch.optim.AdamW(
        policies[1].parameters(), lr=0.01, betas=settings.adam_betas, weight_decay=0.1, foreach=False
    )
    assert one.defaults["fused"]
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        for a, b in zip(*(policy.parameters() for policy in policies), strict=True):
            a.grad = torch.randn(a.shape, generator=generator) * 10 ** torch.rand(
                a.shape, generator=generator
            ).mul(8).sub(6)
            b.grad = a.grad.clone()
        one.step(), many.step()
    for a, b in zip(*(policy.parameters() for policy in policies), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


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

"""Every method's loss and gradient, against its formula written out token by token."""

import numpy as np
import pytest
import torch
from loss_formulas import AGGREGATIONS, FORMULAS, METHODS, RATIOS, SEED, Batch, composed
from minibatches import share_of, weights_of
from registry import METHODS as REGISTERED
from sent.config import Method
from sent.training.logprobs import token_logprobs
from sent.training.loss import averages


def assert_agrees(name, batch):
    """Assert that the package and the formula give the same loss and gradients; return the loss."""
    loss, _ = batch.loss(METHODS[name])
    expected = FORMULAS.get(name, composed(METHODS[name]))(batch)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
    for found, formula in zip(batch.gradients(loss), batch.gradients(expected), strict=True):
        torch.testing.assert_close(found, formula, atol=1e-12, rtol=1e-10)
    return loss


def test_every_entry_has_a_formula():
    """One of its own, unless it is composed of parts that have formulas."""
    assert METHODS.keys() == REGISTERED.keys()


@pytest.mark.parametrize("name", ["grpo", "grpo_curriculum", "en", "sent_no_kl"])
def test_composed_formulas_are_those_written_out(name):
    batch = Batch(1)
    assert composed(METHODS[name])(batch).item() == pytest.approx(FORMULAS[name](batch).item(), abs=1e-12)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize(
    ("surrogate", "clip_low", "clip_high"),
    [
        ("clipped", 0.05, 0.03),
        ("unclipped", None, None),
        ({"dual_clip": {"bound": 1.05}}, 0.05, 0.03),
        ("cispo", None, 0.03),
        ({"gradient_preserving": {"scale_low": 0.5, "scale_high": 0.75}}, 0.05, 0.03),
    ],
)
def test_surrogates_equal_their_formulas(surrogate, clip_low, clip_high, aggregation, ratio):
    method = Method(
        surrogate=surrogate, clip_low=clip_low, clip_high=clip_high, aggregation=aggregation, ratio=ratio
    )
    for batch in (Batch(1), Batch(3, rows=9, spread=2.0, scale=1.5)):
        loss, metrics = batch.loss(method)
        expected = composed(method)(batch)
        assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
        for found, formula in zip(batch.gradients(loss), batch.gradients(expected), strict=True):
            torch.testing.assert_close(found, formula, atol=1e-12, rtol=1e-10)
        assert (metrics["clipped"] > 0) == (surrogate != "unclipped")


def test_the_cases_below_reach_every_part_of_the_formulas():
    """Each kind of weight occurs among the random cases, so that agreement there says something."""
    near, far = [Batch(seed) for seed in range(6)], Batch(3, rows=9, spread=2.0, scale=1.5)

    def weights(name, field, batches=near):
        return {round(w, 4) for batch in batches for w in getattr(batch.flat(METHODS[name]), field).tolist()}

    assert weights("clip_cov", "pg_weight") == weights("mask", "pg_weight") == {0, 1}
    assert weights("kl_cov", "kl_weight") == {0, 1}
    for name in ("sent", "high_en", "sent_released"):
        assert weights(name, "kl_weight") == weights(name, "kl_weight", [far]) == {0, 0.05, 0.2}
    assert weights("sent_uniform_kl", "kl_weight") == {0, 0.08}
    for name in ("grpo", "adv", "mask", "sent"):
        assert sum(batch.loss(METHODS[name])[1]["clipped"] for batch in near) > 0
    assert far.loss(METHODS["clip_cov"])[1]["clipped"] > 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", METHODS)
def test_loss_and_gradients_equal_the_formula(name, seed):
    assert_agrees(name, Batch(seed))


@pytest.mark.parametrize(("lower", "upper", "kept"), [(1, 5, [1, 0, 0, 0]), (2, 5, [1] * 4), (1, 2, [1] * 4)])
def test_clip_cov_drops_what_lies_between_its_bounds_and_is_not_clipped(lower, upper, kept):
    """All covariances are 2. The first and third ratio are 3: held by the range up to 2 only where A > 0."""
    logp = np.array([[-1.0, -1], [-5, -5]])
    share = share_of(logp, advantages=[1, -1], logp_old=logp - np.log([[3, 1], [3, 1]]))
    constants = {"share": 1, "lower": lower, "upper": upper}
    method = Method(weighting={"clip_cov": constants}, clip_low=1, clip_high=1)
    assert weights_of(method, share, SEED)[0]["pg_weight"].tolist() == kept


@pytest.mark.parametrize("name", METHODS)
def test_far_from_the_old_policy(name):
    """Ratios up to e^2 and covariances beyond 5: every clip and every bound is at work."""
    assert_agrees(name, Batch(3, rows=9, spread=2.0, scale=1.5))


@pytest.mark.parametrize("name", METHODS)
def test_ties(name):
    """Entropies, advantages and log-probabilities take few values, so most tokens tie with others."""
    batch = Batch(4, rows=7)
    for tensor in (batch.logp, batch.entropy):
        tensor.data.round_()
    batch.advantages = batch.advantages.sign()
    assert_agrees(name, batch)


@pytest.mark.parametrize("name", METHODS)
def test_an_all_equal_group_has_no_policy_gradient(name):
    """With all advantages zero only KL and entropy terms are left."""
    batch = Batch(5)
    batch.advantages = torch.zeros(5, 8, dtype=torch.float64)
    assert_agrees(name, batch)
    _, metrics = batch.loss(METHODS[name])
    assert metrics["loss_policy"] == 0 and metrics["clipped"] == 0


@pytest.mark.parametrize("name", METHODS)
def test_one_valid_token(name):
    batch = Batch(6)
    batch.mask[:] = False
    batch.mask[2, 3] = True
    if name == "clip_cov":  # its only token would need a covariance above 1, and has 0
        assert batch.flat(METHODS[name]).pg_weight == 1
    assert assert_agrees(name, batch) != 0


@pytest.mark.parametrize("name", METHODS)
def test_no_responses_add_nothing(name):
    """A process that has run out of responses sends an empty micro-batch, through which gradients still flow."""
    loss, metrics = Batch(7).loss(METHODS[name], rows=[])
    assert loss == 0 and all(value == 0 for value in metrics.values())
    assert averages({key: value.item() for key, value in metrics.items()}, 0.0)["clip_fraction"] == 0


@pytest.mark.parametrize("name", METHODS)
def test_a_mini_batch_without_a_token(name):
    batch = Batch(7)
    batch.mask[:] = False
    assert batch.loss(METHODS[name])[0] == 0


@pytest.mark.parametrize("name", METHODS)
def test_infinities_in_logits(name):
    """Tokens that the policy can no longer say (logit -inf) leave loss and gradients finite."""
    batch = Batch(9)
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 8, 6, generator=generator, dtype=torch.float64)
    logits[..., 4:] = -torch.inf
    logits.requires_grad_()
    weight = torch.eye(6, dtype=torch.float64)
    finite = torch.where(logits.isinf(), 0, logits)
    bias = torch.tensor([0, 0, 0, 0, -torch.inf, -torch.inf], dtype=torch.float64)
    targets = torch.randint(4, (40,), generator=generator)
    logp, entropy = token_logprobs(finite.reshape(40, 6), weight, targets, bias=bias)
    batch.logp, batch.entropy = logp.reshape(5, 8), entropy.reshape(5, 8)
    loss, _ = batch.loss(METHODS[name])
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.isfinite() and gradient.isfinite().all() and gradient.abs().max() > 0


@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize("name", METHODS)
def test_micro_batches_add_up_to_the_whole(name, size):
    """Loss, gradients and metrics are sums: any cut of the mini-batch gives the same."""
    batch = Batch(10, rows=8)
    method = METHODS[name]
    whole, metrics = batch.loss(method)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(size)).split(size)
    parts = [batch.loss(method, rows.tolist()) for rows in order]
    total = sum(loss for loss, _ in parts)
    assert total.item() == pytest.approx(whole.item(), abs=1e-12)
    for found, expected in zip(batch.gradients(total), batch.gradients(whole), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-10)
    for key, value in metrics.items():
        torch.testing.assert_close(sum(sums[key] for _, sums in parts), value, atol=1e-12, rtol=1e-10)

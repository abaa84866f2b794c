"""Every method's loss and gradient, against its formula written out token by token."""

import math

import numpy as np
import pytest
import torch
from minibatches import LIMIT, batch_of, share_of, weights_of
from registry import METHODS as REGISTERED
from sent.config import EntropyController, Method
from sent.seeding import seed_of, uniforms
from sent.training.logprobs import token_logprobs
from sent.training.loss import averages, method_loss

SEED = 11


def bonus_of(method):
    """Return the coefficient of the entropy bonus: of a controller, one that it might give."""
    return 0.003 if isinstance(method.entropy, EntropyController) else method.entropy


class Batch:
    """A small mini-batch in float64: leaves for the gradient, constants, and its valid tokens as a list."""

    def __init__(self, seed, rows=5, columns=8, spread=0.3, scale=1.0):
        generator = torch.Generator().manual_seed(seed)

        def random(*shape):
            return torch.rand(*shape, generator=generator, dtype=torch.float64)

        lengths = torch.randint(1, columns + 1, (rows,), generator=generator)
        self.mask = torch.arange(columns)[None] < lengths[:, None]
        self.logp = (-4 * scale * random(rows, columns)).requires_grad_()
        self.entropy = (3 * random(rows, columns)).requires_grad_()
        self.logp_old = self.logp.detach() + spread * (2 * random(rows, columns) - 1)
        self.logp_ref = self.logp.detach() + spread * (2 * random(rows, columns) - 1)
        self.advantages = (scale * (4 * random(rows, 1) - 2)).expand(rows, columns)
        self.keys = torch.randperm(100, generator=generator)[:rows]

    def share(self):
        values = (self.logp, self.advantages, self.entropy, self.logp_old)
        return share_of(*(v.detach().numpy() for v in values), self.keys.numpy(), self.mask.numpy())

    def flat(self, method):
        """Return the mini-batch with the weights of its tokens."""
        return batch_of(method, self.share(), self.logp_ref[self.mask], seed=SEED)

    def loss(self, method, rows=None):
        """Return (loss, metrics) of some rows, by default of all in one go."""
        rows = list(range(len(self.keys))) if rows is None else rows
        grids = (self.logp, self.entropy)
        of_rows = [[grid[0, :0], *(grid[row][self.mask[row]] for row in rows)] for grid in grids]
        batch = self.flat(method).select(rows)
        return method_loss(method, *map(torch.cat, of_rows), batch, entropy_coefficient=bonus_of(method))

    def gradients(self, loss):
        """Return a loss's gradients in logp and in entropy, ``[B, T]``."""
        found = torch.autograd.grad(loss, (self.logp, self.entropy), allow_unused=True)
        return [torch.zeros_like(self.logp) if gradient is None else gradient for gradient in found]

    def tokens(self):
        """Return each valid token as (row, column), by key, then position."""
        rows = sorted(range(len(self.keys)), key=lambda row: self.keys[row])
        return [(r, c) for r in rows for c in range(self.mask.shape[1]) if self.mask[r, c]]


# ---------------------------------------------------------------- the formulas, token by token
#
# Each function returns the loss as a differentiable number, from Python loops; nothing of the package is used
# but the random numbers.


def at(tensor, token):
    return tensor[token[0], token[1]]


def number(tensor, token):
    return at(tensor, token).item()


def ranked(tokens, value):
    """Return the tokens by falling value; equal values keep the order by key and position."""
    return sorted(tokens, key=lambda token: -value(token))


def covariances(batch, tokens, over=None):
    over = over or tokens
    mean_logp = sum(number(batch.logp, t) for t in over) / len(over)
    mean_advantage = sum(number(batch.advantages, t) for t in over) / len(over)
    return {
        t: (number(batch.logp, t) - mean_logp) * (number(batch.advantages, t) - mean_advantage)
        for t in tokens
    }


def surrogate(batch, token, low, high, advantage=None):
    advantage = number(batch.advantages, token) if advantage is None else advantage
    ratio = torch.exp(at(batch.logp, token) - at(batch.logp_old, token))
    if low is None:
        return -ratio * advantage
    inside = min(max(ratio.item(), 1 - low), 1 + high)
    held = ratio if inside == ratio.item() else torch.tensor(inside, dtype=torch.float64)
    return -min(ratio * advantage, held * advantage)


def k3(batch, token):
    difference = at(batch.logp_ref, token) - at(batch.logp, token)
    return torch.exp(difference) - difference - 1


def move(batch, token):
    return torch.abs(at(batch.logp, token) - at(batch.logp_old, token))


def mean(terms):
    return sum(terms) / len(terms)


def mean_over_responses(batch, term):
    rows = {}
    for token in batch.tokens():
        rows.setdefault(token[0], []).append(term(token))
    return mean([mean(terms) for terms in rows.values()])


# ---------------------------------------------------------------- composed: entries that weigh all tokens alike


def bounded(ratio, low=None, high=None):
    """Return the ratio where it lies between its bounds, else the bound, which has no gradient."""
    if low is not None and ratio < 1 - low:
        return torch.tensor(1 - low, dtype=torch.float64)
    return torch.tensor(1 + high, dtype=torch.float64) if ratio > 1 + high else ratio


def clipped(ratio, advantage, logp, low, high):
    return min(ratio * advantage, bounded(ratio, low, high) * advantage)


def dual_clip(ratio, advantage, logp, low, high, bound):
    gain = clipped(ratio, advantage, logp, low, high)
    return max(gain, torch.tensor(bound * advantage, dtype=torch.float64)) if advantage < 0 else gain


def cispo(ratio, advantage, logp, _, high):
    return bounded(ratio, high=high).item() * advantage * logp


def gradient_preserving(ratio, advantage, logp, low, high, scale_low, scale_high):
    if advantage < 0 and ratio < 1 - low:
        return scale_low * (1 - low) / ratio.item() * ratio * advantage
    if advantage > 0 and ratio > 1 + high:
        return scale_high * (1 + high) / ratio.item() * ratio * advantage
    return ratio * advantage


SURROGATES = {
    "clipped": clipped,
    "unclipped": lambda ratio, advantage, *_: ratio * advantage,
    "dual_clip": dual_clip,
    "cispo": cispo,
    "gradient_preserving": gradient_preserving,
}


def token_ratio(batch, token):
    return torch.exp(at(batch.logp, token) - at(batch.logp_old, token))


def sequence_ratio(batch, token):
    tokens = [t for t in batch.tokens() if t[0] == token[0]]
    return torch.exp(mean([at(batch.logp, t) - at(batch.logp_old, t) for t in tokens]))


RATIOS = {"token": token_ratio, "sequence": sequence_ratio}


AGGREGATIONS = {
    "token_mean": lambda batch, term: mean([term(t) for t in batch.tokens()]),
    "sequence_mean": mean_over_responses,
    "constant": lambda batch, term: (
        sum(map(term, batch.tokens())) / (len({row for row, _ in batch.tokens()}) * LIMIT)
    ),
}


def composed(method):
    """Return the formula of a method that weighs all tokens alike, put together from formulas of its parts."""

    def term(batch, token):
        gain = SURROGATES[method.surrogate.name](
            RATIOS[method.ratio](batch, token), number(batch.advantages, token), at(batch.logp, token),
            method.clip_low, method.clip_high, **method.surrogate.constants,
        )  # fmt: skip
        return -gain + (method.reference_kl * k3(batch, token) if method.reference_kl else 0)

    def formula(batch):
        loss = AGGREGATIONS[method.aggregation](batch, lambda token: term(batch, token))
        bonus = mean([at(batch.entropy, t) for t in batch.tokens()])
        return loss - bonus_of(method) * bonus

    return formula


# ---------------------------------------------------------------- one by one


def grpo(batch):
    return mean_over_responses(batch, lambda t: surrogate(batch, t, 0.2, 0.2) + 0.001 * k3(batch, t))


def en(batch):
    return grpo(batch) - 0.001 * mean([at(batch.entropy, t) for t in batch.tokens()])


def adv(batch):
    def shaped(token):
        advantage = number(batch.advantages, token)
        return advantage + min(0.4 * number(batch.entropy, token), abs(advantage) / 2)

    return mean([surrogate(batch, t, 0.2, 0.28, shaped(t)) for t in batch.tokens()])


def mask(batch):
    tokens = batch.tokens()
    kept = ranked(tokens, lambda t: number(batch.entropy, t))[: max(1, len(tokens) // 5)]
    return mean([surrogate(batch, t, 0.2, 0.28) for t in kept])


def clip_cov(batch):
    tokens = batch.tokens()
    covariance = covariances(batch, tokens)

    def already(token):
        ratio = math.exp(number(batch.logp, token) - number(batch.logp_old, token))
        return ratio > 2 and number(batch.advantages, token) > 0

    def draw(token):
        seed = seed_of("token", SEED, batch.keys[token[0]].item())
        return uniforms(np.array([seed], dtype=np.uint64), token[1])[0]

    candidates = [t for t in tokens if 1 < covariance[t] < 5 and not already(t)]
    dropped = sorted(candidates, key=draw)[: max(1, int(2e-4 * len(tokens)))]
    return sum(surrogate(batch, t, 1, 1) for t in tokens if t not in dropped) / len(tokens)


def kl_cov(batch):
    tokens = batch.tokens()
    covariance = covariances(batch, tokens)
    held = ranked(tokens, covariance.get)[: max(1, int(2e-3 * len(tokens)))]
    return mean([surrogate(batch, t, None, None) + (move(batch, t) if t in held else 0) for t in tokens])


def entropy_side(batch, low):
    tokens = batch.tokens()
    share = 0.8 if low else 0.2
    sign = -1 if low else 1
    return ranked(tokens, lambda t: sign * number(batch.entropy, t))[
        : max(1, int(share * len(tokens) + 1e-9))
    ]


def held_by_kl(batch, low=True, beta_high=0.2, beta_low=0.05, covariance_share=0.2):
    selected = entropy_side(batch, low)
    covariance = covariances(batch, batch.tokens())
    quota = max(1, int(covariance_share * len(selected) + 1e-9)) if covariance_share else 0
    order = ranked(sorted(selected, key=batch.tokens().index), covariance.get)
    high = [t for t in order[:quota] if covariance[t] > 0]

    def term(token):
        beta = beta_high if token in high else beta_low if token in selected else 0
        return surrogate(batch, token, 0.2, 0.2) + beta * k3(batch, token)

    return mean_over_responses(batch, term)


def steer(batch):
    tokens = batch.tokens()

    def change(token):
        logp, p_old = number(batch.logp, token), math.exp(number(batch.logp_old, token))
        p = math.exp(logp)
        return abs(
            number(batch.advantages, token) / p_old * p * (1 - p) * (logp + number(batch.entropy, token))
        )

    k = -math.log(0.8) / max(0.02, *map(change, tokens))
    return mean([math.exp(-k * change(t)) * surrogate(batch, t, 0.2, 0.28) for t in tokens])


def sent_released(batch, pg_on_low=False):
    tokens = batch.tokens()
    selected = sorted(entropy_side(batch, low=True), key=tokens.index)
    covariance = covariances(batch, tokens, over=selected)
    quota = max(1, int(2e-4 * len(selected)))
    beta = dict.fromkeys(ranked(selected, covariance.get)[:quota], 0.2)
    beta |= dict.fromkeys(ranked(selected, lambda t: -covariance[t])[:quota], 0.05)
    pulling = selected if pg_on_low else tokens
    terms = [beta.get(t, 0) * move(batch, t) + 0.001 * k3(batch, t) for t in tokens]
    return (sum(terms) + sum(surrogate(batch, t, None, None) for t in pulling)) / len(pulling)


FORMULAS = {
    "grpo": grpo,
    "grpo_curriculum": grpo,
    "en": en,
    "adv": adv,
    "mask": mask,
    "clip_cov": clip_cov,
    "kl_cov": kl_cov,
    "high_en": lambda batch: held_by_kl(batch, low=False),
    "sent": held_by_kl,
    "sent_no_curriculum": held_by_kl,
    "sent_uniform_kl": lambda batch: held_by_kl(batch, beta_low=0.08, covariance_share=0),
    "sent_no_kl": lambda batch: mean_over_responses(batch, lambda t: surrogate(batch, t, 0.2, 0.2)),
    "sent_released": sent_released,
    "sent_released_v1": lambda batch: sent_released(batch, pg_on_low=True),
    "sent_beta_low_0": lambda batch: held_by_kl(batch, beta_low=0),
    "steer": steer,
}
METHODS = {
    name: method
    for name, method in REGISTERED.items()
    if name in FORMULAS or method.weighting.name == "uniform"
}


def assert_agrees(name, batch):
    """Assert that the package and the formula give the same loss and gradients; return the loss."""
    loss, _ = batch.loss(METHODS[name])
    expected = FORMULAS.get(name, composed(METHODS[name]))(batch)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
    for found, formula in zip(batch.gradients(loss), batch.gradients(expected), strict=True):
        torch.testing.assert_close(found, formula, atol=1e-12, rtol=1e-10)
    return loss


def test_every_entry_has_a_formula():
    """A row above, unless it is composed of parts that have formulas."""
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

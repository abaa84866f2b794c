"""Every method's loss as a formula written out token by token, and random mini-batches for it."""

import math

import numpy as np
import torch
from minibatches import LIMIT, batch_of, share_of
from registry import METHODS as REGISTERED
from sent.config import EntropyController
from sent.seeding import seed_of, uniforms
from sent.training.loss import method_loss

SEED = 11
"""The seed of the random numbers that weights are drawn by."""


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

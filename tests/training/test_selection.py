"""The tools that methods choose tokens with, and the plan of a mini-batch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from sent.config import Method, parse
from sent.errors import SentError
from sent.training.plan import NonFiniteError, TokenStatistics, plan_tokens
from sent.training.selection import Tokens, count, covariance, highest, lowest

REGISTRY = yaml.safe_load((Path(__file__).parents[2] / "config" / "methods.yaml").read_text())
METHODS = {name: parse(Method, entry, f"methods.{name}") for name, entry in REGISTRY.items()}


def tokens_of(logp, advantages, **others):
    """Build Tokens of one response from lists."""
    n = len(logp)
    given = {"logp": logp, "logp_old": logp, "entropy": np.zeros(n), "advantages": advantages, **others}
    return Tokens(
        **{name: np.asarray(values, dtype=float) for name, values in given.items()},
        clipped=np.zeros(n, dtype=bool),
        position=np.arange(n),
        sequence=np.zeros(n, dtype=int),
        keys=np.array([0]),
        seed=0,
    )


def statistics(rows=12, columns=20, seed=0, keys=None):
    """Return random statistics; response i has i + 1 tokens, so that lengths differ."""
    generator = torch.Generator().manual_seed(seed)

    def random():
        return torch.rand(rows, columns, generator=generator, dtype=torch.float64)

    logp = -3 * random()
    return TokenStatistics(
        logp=logp,
        logp_old=logp + 0.3 * (random() - 0.5),
        entropy=2 * random(),
        advantages=(4 * random()[:, :1] - 2).expand(rows, columns),
        mask=torch.arange(columns)[None] <= torch.arange(rows)[:, None],
        keys=1000 - torch.arange(rows) * 7 if keys is None else keys,
    )


def rearranged(stats, order, left=0, right=0):
    """Return the statistics with sequences in another order and other, hostile padding."""

    def pad(values):
        fill = 0 if values.dtype == torch.bool else torch.nan
        return torch.nn.functional.pad(values[order], (left, right), value=fill)

    names = ("logp", "logp_old", "entropy", "advantages", "mask")
    grids = {name: torch.where(stats.mask, getattr(stats, name), torch.nan) for name in names[:-1]}
    padded = {name: pad(values) for name, values in {**grids, "mask": stats.mask}.items()}
    return TokenStatistics(**padded, keys=stats.keys[order])


# ---------------------------------------------------------------- tools


@pytest.mark.parametrize(
    ("share", "n", "expected"),
    [
        (0.8, 10, 8),
        (0.8, 9, 7),
        (0.2, 15, 3),
        (0.29, 100, 29),
        (2e-4, 4999, 1),
        (2e-4, 15000, 3),
        (1.0, 7, 7),
        (0.5, 1, 1),
        (0.0, 100, 0),
        (0.8, 0, 0),
    ],
)
def test_count_rounds_down_to_at_least_one(share, n, expected):
    assert count(share, n) == expected


def test_lowest_and_highest():
    values = np.array([3.0, 1.0, 2.0, 5.0, 4.0])
    assert lowest(values, 2).tolist() == [False, True, True, False, False]
    assert highest(values, 2).tolist() == [False, False, False, True, True]
    assert lowest(values, 0).tolist() == [False] * 5
    assert lowest(values, 9).tolist() == [True] * 5


def test_among_limits_the_choice():
    values = np.array([3.0, 1.0, 2.0, 5.0, 4.0])
    among = np.array([True, False, True, False, True])
    assert lowest(values, 1, among).tolist() == [False, False, True, False, False]
    assert highest(values, 5, among).tolist() == among.tolist()
    assert highest(values, 2, np.zeros(5, dtype=bool)).tolist() == [False] * 5


def test_ties_go_to_the_first():
    values = np.array([1.0, 0.0, 1.0, 0.0, 0.0])
    assert lowest(values, 2).tolist() == [False, True, False, True, False]
    assert highest(values, 1).tolist() == [True, False, False, False, False]


def test_covariance_by_hand():
    """Means -2 and 1: (1)(-2), (0)(0), (-1)(2)."""
    tokens = tokens_of(logp=[-1, -2, -3], advantages=[-1, 1, 3])
    assert covariance(tokens).tolist() == [-2, 0, -2]


def test_covariance_centred_over_some():
    """Over the first two the means are -1.5 and 0."""
    tokens = tokens_of(logp=[-1, -2, -3], advantages=[-1, 1, 3])
    assert covariance(tokens, np.array([True, True, False])).tolist() == [-0.5, -0.5, -4.5]


def test_random_draws_belong_to_a_token_not_to_a_place():
    alone = tokens_of([0.0] * 3, [0.0] * 3)
    beside = Tokens(**{**vars(alone), "keys": np.array([-5, 0]), "sequence": np.array([1, 1, 1])})
    reseeded = Tokens(**{**vars(alone), "seed": 1})
    assert alone.uniforms().tolist() == beside.uniforms().tolist()
    assert len({*alone.uniforms().tolist(), *reseeded.uniforms().tolist()}) == 6
    assert all(0 <= number < 1 for number in alone.uniforms())


# ---------------------------------------------------------------- the plan


@pytest.mark.parametrize("name", METHODS)
def test_plan_does_not_depend_on_order_or_padding(name):
    stats = statistics()
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    plan = plan_tokens(METHODS[name], stats, seed=3)
    other = plan_tokens(METHODS[name], rearranged(stats, order, left=3, right=5), seed=3)
    for field in ("advantages", "pg_weight", "kl_weight", "scale"):
        assert torch.equal(getattr(plan, field)[order], getattr(other, field)[:, 3:-5]), field
        assert (getattr(other, field)[:, :3] == 0).all() and (getattr(other, field)[:, -5:] == 0).all()
    assert plan.diagnostics == other.diagnostics
    assert all(np.isfinite(value) for value in plan.diagnostics.values())


@pytest.mark.parametrize("name", METHODS)
def test_ties_are_broken_by_key_then_position(name):
    """With all values equal only keys and positions can decide, so a new order must not change the plan."""
    flat = torch.ones(6, 4, dtype=torch.float64)
    stats = TokenStatistics(-flat, -flat, flat, flat, flat.bool(), torch.tensor([5, 3, 9, 1, 7, 2]))
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    plan, other = (plan_tokens(METHODS[name], s, seed=0) for s in (stats, rearranged(stats, order)))
    assert torch.equal(plan.pg_weight[order], other.pg_weight)
    assert torch.equal(plan.kl_weight[order], other.kl_weight)


def test_ties_by_hand():
    """24 equal tokens: floor(0.2 * 24) = 4 are kept, the first of the smallest key, which row 3 has."""
    flat = torch.ones(6, 4)
    stats = TokenStatistics(-flat, -flat, flat, flat, flat.bool(), torch.tensor([5, 3, 9, 1, 7, 2]))
    plan = plan_tokens(METHODS["mask"], stats, seed=0)
    assert plan.pg_weight.sum(dim=1).tolist() == [0, 0, 0, 4, 0, 0]


def test_scales_of_the_three_means():
    """Responses of 1 and 3 tokens, of which the mask method keeps floor(0.5 * 4) = 2."""
    entropy = torch.tensor([[0.0, 0, 0], [1, 2, 3]])
    mask = torch.tensor([[True, False, False], [True, True, True]])
    flat = torch.ones(2, 3)
    stats = TokenStatistics(-flat, -flat, entropy, flat, mask, torch.tensor([0, 1]))

    def scale(aggregation):
        method = Method(objective="mask", constants={"share": 0.5}, aggregation=aggregation)
        return plan_tokens(method, stats, seed=0).scale.tolist()

    assert scale("token_mean") == [[0.25, 0, 0], [0.25, 0.25, 0.25]]
    sixth = pytest.approx(1 / 6)
    assert scale("sequence_mean") == [[0.5, 0, 0], [sixth, sixth, sixth]]
    assert scale("selected_mean") == [[0.5, 0, 0], [0.5, 0.5, 0.5]]


def test_rows_without_tokens_change_nothing():
    """Rows that only fill a batch count neither as responses nor as tokens."""
    stats = statistics(rows=4)
    filler = statistics(rows=5)
    filler.mask[4] = False
    plan, filled = (plan_tokens(METHODS["sent"], s, seed=0) for s in (stats, filler))
    first = slice(0, 4)
    trimmed = TokenStatistics(**{name: values[first] for name, values in vars(filler).items()})
    assert torch.equal(plan_tokens(METHODS["sent"], trimmed, seed=0).scale, filled.scale[first])
    assert filled.diagnostics["sequences"] == plan.diagnostics["sequences"] == 4


@pytest.mark.parametrize("name", METHODS)
def test_everything_masked(name):
    stats = statistics()
    stats.mask[:] = False
    plan = plan_tokens(METHODS[name], stats, seed=0)
    assert plan.scale.abs().sum() == plan.kl_weight.abs().sum() == 0
    assert plan.diagnostics["tokens"] == 0
    assert all(np.isfinite(value) for value in plan.diagnostics.values())


@pytest.mark.parametrize("name", METHODS)
def test_one_valid_token(name):
    stats = statistics()
    stats.mask[:] = False
    stats.mask[4, 2] = True
    plan = plan_tokens(METHODS[name], stats, seed=0)
    assert plan.scale.sum() == plan.scale[4, 2] == 1
    assert plan.diagnostics["tokens"] == plan.diagnostics["sequences"] == 1


def test_parts_are_slices_of_the_whole():
    plan = plan_tokens(METHODS["sent"], statistics(), seed=0)
    part = plan.part([7, 2], slice(0, 8))
    assert torch.equal(part.kl_weight, plan.kl_weight[[7, 2]][:, :8])
    assert part.scale.shape == (2, 8)
    assert part.token_scale == plan.token_scale == pytest.approx(1 / (12 * 13 / 2))
    assert part.diagnostics is plan.diagnostics


def test_plan_has_the_type_of_the_statistics():
    stats = statistics()
    single = replace(stats, logp=stats.logp.float())
    assert plan_tokens(METHODS["sent"], single, seed=0).scale.dtype == torch.float32


def test_figures_in_the_log_by_hand():
    """Five tokens; the low set is the four of entropy 0, 1, 2, 3."""
    stats = TokenStatistics(
        logp=torch.tensor([[-1.0, -2, -3, -4, -5]]),
        logp_old=torch.tensor([[-1.0, -2, -3, -4, -5]]),
        entropy=torch.tensor([[3.0, 1, 2, 9, 0]]),
        advantages=torch.tensor([[1.0, 1, 0, -1, -1]]),
        mask=torch.ones(1, 5, dtype=torch.bool),
        keys=torch.tensor([0]),
    )
    figures = plan_tokens(METHODS["sent"], stats, seed=0).diagnostics
    assert figures["entropy"] == 3 and figures["entropy_low_set"] == 1.5 and figures["entropy_threshold"] == 3
    # Covariances: 2*1, 1*1, 0, (-1)(-1), (-2)(-1). Of the low set, all but the fourth, 0.2 * 4 -> 1 is held.
    assert figures["covariance"] == pytest.approx(6 / 5) and figures["covariance_p50"] == 1
    assert figures["share_beta_high"] == 0.2 and figures["share_beta_low"] == pytest.approx(0.6)
    assert figures["share_beta_zero"] == pytest.approx(0.2)
    assert figures["beta"] == pytest.approx((0.2 + 3 * 0.05) / 5)
    assert figures["held_covariance_threshold"] == 2


def test_an_empty_high_covariance_set():
    """Covariances (1)(-1), (-1)(1) and 0 hold nothing back, so the two tokens selected get the low beta."""
    stats = TokenStatistics(
        logp=torch.tensor([[-1.0, -3, -2]]),
        logp_old=torch.tensor([[-1.0, -3, -2]]),
        entropy=torch.tensor([[0.0, 1, 2]]),
        advantages=torch.tensor([[-1.0, 1, 0]]),
        mask=torch.ones(1, 3, dtype=torch.bool),
        keys=torch.tensor([0]),
    )
    plan = plan_tokens(METHODS["sent"], stats, seed=0)
    assert plan.kl_weight.tolist() == [[pytest.approx(0.05), pytest.approx(0.05), 0]]
    assert plan.diagnostics["share_beta_high"] == 0
    assert plan.diagnostics["share_beta_low"] == pytest.approx(2 / 3)
    assert "held_covariance_threshold" not in plan.diagnostics


@pytest.mark.parametrize("name", METHODS)
def test_shares_at_each_beta_sum_to_one(name):
    figures = plan_tokens(METHODS[name], statistics(), seed=0).diagnostics
    assert sum(figures[f"share_beta_{which}"] for which in ("high", "low", "zero")) == pytest.approx(1)


@pytest.mark.parametrize("name", ["logp", "logp_old", "entropy"])
def test_a_value_that_is_no_number_names_its_sequences(name):
    stats = statistics()
    getattr(stats, name)[3, 1] = torch.nan
    getattr(stats, name)[8, 0] = -torch.inf
    with pytest.raises(NonFiniteError, match=f"{name} is not finite in 2 sequences") as error:
        plan_tokens(METHODS["grpo"], stats, seed=0)
    assert error.value.keys == sorted([1000 - 3 * 7, 1000 - 8 * 7])


def test_repeated_keys_are_refused():
    with pytest.raises(ValueError, match="keys must differ"):
        plan_tokens(METHODS["grpo"], statistics(rows=2, keys=torch.tensor([4, 4])), seed=0)


def test_kl_weights_without_an_anchor_are_refused():
    method = METHODS["sent"].model_copy(update={"kl_anchor": None})
    with pytest.raises(SentError, match="needs `kl_anchor`"):
        plan_tokens(method, statistics(), seed=0)


@pytest.mark.slow
def test_half_a_million_tokens_take_seconds_at_most():
    import time

    rows, columns = 1024, 512
    flat = torch.rand(rows, columns, generator=torch.Generator().manual_seed(0))
    stats = TokenStatistics(-flat, -flat, flat, flat, torch.ones(rows, columns).bool(), torch.arange(rows))
    start = time.process_time()
    plan_tokens(METHODS["sent"], stats, seed=0)
    assert time.process_time() - start < 5

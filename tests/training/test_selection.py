"""The tools that methods choose tokens with, and the weights of a mini-batch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from minibatches import LIMIT, batch_of, share_of, weights_of
from registry import METHODS
from sent.config import Method
from sent.errors import SentError
from sent.training import weighing
from sent.training.batch import offsets_of
from sent.training.selection import Tokens, count, covariance, highest, lowest
from sent.training.weighing import NonFiniteError


def tokens_of(logp, advantages) -> Tokens:
    """Build Tokens from lists: a response a token where advantages differ along the list."""
    share = share_of([[value] for value in logp], advantages)
    return weighing.tokens_of([share], Method(), seed=0)


def statistics(rows=12, columns=20, seed=0, keys=None) -> tuple:
    """Return a random share; response i has i + 1 tokens, so that lengths differ."""
    generator = np.random.default_rng(seed)

    def random():
        return generator.random((rows, columns))

    logp = -3 * random()
    return share_of(
        logp,
        logp_old=logp + 0.3 * (random() - 0.5),
        entropy=2 * random(),
        entropy_old=2 * random(),
        advantages=4 * random()[:, 0] - 2,
        mask=np.arange(columns)[None] <= np.arange(rows)[:, None],
        keys=1000 - np.arange(rows) * 7 if keys is None else keys,
    )


def some(share: tuple, rows) -> tuple:
    """Return some of a share's sequences, in that order."""
    keys, lengths, advantages, *values = share
    starts = offsets_of(lengths)
    places = np.concatenate([np.arange(starts[r], starts[r + 1]) for r in rows] or [[]]).astype(int)
    rows = np.array(rows, dtype=int)
    return (keys[rows], lengths[rows], advantages[rows], *(v[places] for v in values))


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
    values = [[0.0] * 3]
    alone = weighing.tokens_of([share_of(values, keys=[4])], Method(), seed=0)
    both = weighing.tokens_of([share_of(values * 2, keys=[4, -5])], Method(), seed=0)
    reseeded = replace(alone, seed=1)
    assert alone.uniforms().tolist() == both.uniforms()[3:].tolist()
    assert len({*alone.uniforms().tolist(), *reseeded.uniforms().tolist()}) == 6
    assert all(0 <= number < 1 for number in alone.uniforms())


# ---------------------------------------------------------------- the weights


@pytest.mark.parametrize("name", METHODS)
def test_weights_do_not_depend_on_order_or_processes(name):
    share, method = statistics(), METHODS[name]
    weights, figures = weights_of(method, share, seed=3)
    order = np.random.default_rng(1).permutation(12)
    spread = [some(share, rows) for rows in (order[:3], order[3:3], order[3:])]
    others, other_figures = weighing.weigh(method, weighing.tokens_of(spread, method, seed=3), LIMIT)
    for field in ("advantage", "pg_weight", "kl_weight", "scale"):
        assert np.array_equal(weights[field], others[field]), field
    assert figures == other_figures
    assert all(np.isfinite(value) for value in figures.values())


@pytest.mark.parametrize("name", METHODS)
def test_each_process_gets_the_weights_of_its_own_tokens(name):
    share, method = statistics(), METHODS[name]
    whole = batch_of(method, share)
    order = [7, 2, 9, 0]
    rest = [row for row in range(12) if row not in order]
    batch = replace(whole.select(order), pg_weight=torch.empty(0), scale=torch.empty(0), token_scale=0.0)
    logp, entropy = (torch.from_numpy(some(share, order)[i]) for i in (3, 5))
    mine, _ = weighing.weighed(method, batch, logp, entropy, 0, lambda own: [some(share, rest), *own], LIMIT)
    for field in ("advantage", "pg_weight", "kl_weight", "scale"):
        assert torch.equal(getattr(mine, field), getattr(whole.select(order), field)), field
    assert mine.token_scale == whole.token_scale == pytest.approx(1 / (12 * 13 / 2))


@pytest.mark.parametrize("name", METHODS)
def test_ties_are_broken_by_key_then_position(name):
    """With all values equal only keys and positions can decide, so a new order must not change the weights."""
    flat = np.ones((6, 4))
    share = share_of(-flat, entropy=flat, keys=[5, 3, 9, 1, 7, 2])
    weights, other = (weights_of(METHODS[name], s)[0] for s in (share, some(share, [3, 0, 5, 1, 4, 2])))
    assert np.array_equal(weights["pg_weight"], other["pg_weight"])
    assert np.array_equal(weights["kl_weight"], other["kl_weight"])


def test_ties_by_hand():
    """24 equal tokens: floor(0.2 * 24) = 4 are kept, the first of the smallest key, which row 3 has."""
    flat = np.ones((6, 4))
    batch = batch_of(METHODS["mask"], share_of(-flat, entropy=flat, keys=[5, 3, 9, 1, 7, 2]))
    assert batch.pg_weight.reshape(6, 4).sum(dim=1).tolist() == [0, 0, 0, 4, 0, 0]


def test_scales_of_the_aggregations():
    """Responses of 1 and 3 tokens, of which the mask method keeps floor(0.5 * 4) = 2."""
    mask = np.array([[True, False, False], [True, True, True]])
    share = share_of(-np.ones((2, 3)), entropy=[[0.0, 0, 0], [1, 2, 3]], mask=mask)

    def scale(aggregation):
        method = Method(weighting={"mask": {"share": 0.5}}, aggregation=aggregation)
        return weights_of(method, share)[0]["scale"].tolist()

    assert scale("token_mean") == [0.25] * 4
    assert scale("sequence_mean") == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6])
    assert scale("selected_mean") == [0.5] * 4
    assert scale("constant") == [1 / (2 * LIMIT)] * 4


def test_responses_without_tokens_change_nothing():
    """They count neither as responses nor as tokens."""
    keys, lengths, *values = statistics(rows=4)
    fuller = (np.append(keys, 5), np.append(lengths, 0), np.append(values[0], 1.0), *values[1:])
    (weights, figures), (others, other_figures) = (
        weights_of(METHODS["sent"], share) for share in ((keys, lengths, *values), fuller)
    )
    assert np.array_equal(weights["scale"], others["scale"])
    assert figures["sequences"] == other_figures["sequences"] == 4


@pytest.mark.parametrize("name", METHODS)
def test_no_tokens(name):
    weights, figures = weights_of(METHODS[name], some(statistics(), []))
    assert len(weights["scale"]) == len(weights["kl_weight"]) == 0
    assert figures["tokens"] == 0
    assert all(np.isfinite(value) for value in figures.values())


@pytest.mark.parametrize("name", METHODS)
def test_one_token(name):
    weights, figures = weights_of(METHODS[name], some(statistics(), [0]))
    assert weights["scale"].tolist() == [1 / LIMIT if METHODS[name].aggregation == "constant" else 1]
    assert figures["tokens"] == figures["sequences"] == 1


def test_weights_have_the_type_of_the_log_probabilities():
    batch = batch_of(METHODS["sent"], statistics())
    assert batch.scale.dtype == torch.float64
    single = replace(batch, logp_old=batch.logp_old.float())
    again, _ = weighing.weighed(METHODS["sent"], single, batch.logp_old, batch.entropy_old, 0)
    assert again.scale.dtype == again.kl_weight.dtype == torch.float32


def test_figures_in_the_log_by_hand():
    """Five tokens; the low set is the four of entropy 0, 1, 2, 3."""
    share = share_of([[-1.0], [-2], [-3], [-4], [-5]], [1, 1, 0, -1, -1], [[3.0], [1], [2], [9], [0]])
    _, figures = weights_of(METHODS["sent"], share)
    assert figures["entropy"] == 3 and figures["entropy_low_set"] == 1.5 and figures["entropy_threshold"] == 3
    # Covariances: 2*1, 1*1, 0, (-1)(-1), (-2)(-1). Of the low set, all but the fourth, 0.2 * 4 -> 1 is held.
    assert figures["covariance"] == pytest.approx(6 / 5) and figures["covariance_p50"] == 1
    assert figures["share_beta_high"] == 0.2 and figures["share_beta_low"] == pytest.approx(0.6)
    assert figures["share_beta_zero"] == pytest.approx(0.2)
    assert figures["beta"] == pytest.approx((0.2 + 3 * 0.05) / 5)
    assert figures["held_covariance_threshold"] == 2


@pytest.mark.parametrize("name", METHODS)
def test_the_entropy_in_the_log_is_that_of_the_rollout_policy_for_every_method(name):
    share = statistics()
    _, figures = weights_of(METHODS[name], share)
    assert figures["entropy"] == pytest.approx(share[6].mean()) != pytest.approx(share[5].mean())
    keys, lengths, advantages, _, old, _, entropy_old = share
    _, at_first = weights_of(Method(), (keys, lengths, advantages, old, old, entropy_old, entropy_old))
    common = {name for name in at_first if name.startswith(("entropy", "covariance"))}
    assert {name: figures[name] for name in common} == {name: at_first[name] for name in common}


def test_an_empty_high_covariance_set():
    """Covariances (1)(-1), (-1)(1) and 0 hold nothing back, so the two tokens selected get the low beta."""
    share = share_of([[-1.0], [-3], [-2]], [-1, 1, 0], [[0.0], [1], [2]])
    weights, figures = weights_of(METHODS["sent"], share)
    assert weights["kl_weight"].tolist() == pytest.approx([0.05, 0.05, 0])
    assert figures["share_beta_high"] == 0
    assert figures["share_beta_low"] == pytest.approx(2 / 3)
    assert "held_covariance_threshold" not in figures


@pytest.mark.parametrize("name", METHODS)
def test_shares_at_each_beta_sum_to_one(name):
    _, figures = weights_of(METHODS[name], statistics())
    assert sum(figures[f"share_beta_{which}"] for which in ("high", "low", "zero")) == pytest.approx(1)


@pytest.mark.parametrize("name", ["logp", "logp_old", "entropy", "entropy_old"])
def test_a_value_that_is_no_number_names_its_sequences(name):
    share = statistics()
    starts = offsets_of(share[1])
    values = share[3 + ["logp", "logp_old", "entropy", "entropy_old"].index(name)]
    values[starts[3] + 1], values[starts[8]] = np.nan, -np.inf
    with pytest.raises(NonFiniteError, match=f"{name} is not finite in 2 sequences") as error:
        weights_of(METHODS["grpo"], share)
    assert error.value.keys == sorted([1000 - 3 * 7, 1000 - 8 * 7])


def test_repeated_keys_are_refused():
    with pytest.raises(ValueError, match="keys must differ"):
        weights_of(METHODS["grpo"], statistics(rows=2, keys=[4, 4]))


def test_kl_weights_without_an_anchor_are_refused():
    method = METHODS["sent"].model_copy(update={"kl_anchor": None})
    with pytest.raises(SentError, match="needs `kl_anchor`"):
        weights_of(method, statistics())


@pytest.mark.slow
def test_half_a_million_tokens_take_seconds_at_most():
    import time

    flat = np.random.default_rng(0).random((1024, 512))
    share = share_of(-flat, entropy=flat)
    start = time.process_time()
    weights_of(METHODS["sent"], share)
    assert time.process_time() - start < 5

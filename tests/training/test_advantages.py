"""What each response of a group earned: by hand, by brute force, and as training takes it."""

import dataclasses
import itertools
import math
import statistics
import sys

import numpy as np
import pytest
import torch
from sent.config import Method, Part, Training, parse
from sent.errors import SentError
from sent.training import advantages, recipe
from sent.training.outcomes import Outcomes, advantage_of


def outcomes(rewards, **others) -> Outcomes:
    """Return the record of a group; right are the responses of reward 1."""
    rewards = np.array(rewards, dtype=np.float64)
    count = len(rewards)
    given = {
        "correct": rewards == 1,
        "lengths": np.full(count, 3),
        "logprobs": -np.arange(count, dtype=float),
    }
    return Outcomes(rewards, **given | {name: np.array(values) for name, values in others.items()})


def earned(part, rewards, **others) -> list[float]:
    return advantage_of(Part(part))(outcomes(rewards, **others)).tolist()


def normalised(rewards) -> list[float]:
    mean, deviation = statistics.mean(rewards), statistics.stdev(rewards)
    return [(reward - mean) / (deviation + 1e-6) for reward in rewards]


HALF = math.sqrt(0.5)
CASES = {
    # Mean 1/4, deviation sqrt((9/16 + 3/16) / 3) = 1/2.
    "normalised": ("group_normalised", [1, 0, 0, 0], {}, [1.5, -0.5, -0.5, -0.5]),
    "two": ("group_normalised", [1, 0], {}, [HALF, -HALF]),
    "centred": ("centred", [1, 0, 0, 0], {}, [0.75, -0.25, -0.25, -0.25]),
    "psr": ({"signed": {"right": 1, "wrong": 0}}, [1, 0, 0], {}, [1, 0, 0]),
    "nsr": ({"signed": {"right": 0, "wrong": 1}}, [1, 0, 0], {}, [0, -1, -1]),
    "nsr, all wrong": ({"signed": {"right": 0, "wrong": 1}}, [0, 0], {}, [-1, -1]),
    "w_reinforce": ({"signed": {"right": 0.1, "wrong": 1}}, [1, 1, 0], {}, [0.1, 0.1, -1]),
    # A right response that was cut in reward for its length is right all the same.
    "signed looks at verdicts": (
        {"signed": {"right": 0.1, "wrong": 1}}, [0.5, 0], {"correct": [True, False]}, [0.1, -1],
    ),
    # G = 4, 2 wrong, k = 2: R = 1 - 1/6, deviation sqrt(5)/6; of the 3 pairs with a wrong response 1 fails.
    "pass@2": ({"pass_at_k": {"k": 2}}, [1, 1, 0, 0], {}, [1 / math.sqrt(5)] * 2 + [-1 / math.sqrt(5)] * 2),
    # Three responses cannot all be wrong: every set passes.
    "pass@3": ({"pass_at_k": {"k": 3}}, [1, 1, 0, 0], {}, [0] * 4),
    # Two clusters of 2: SE = ln 2, half of ln 4.
    "semantic": ({"semantic": {"alpha": 0.5}}, [1, 1, 0, 0], {"clusters": [0, 0, 1, 1]}, [0.375, 0.375, -0.375, -0.375]),
    "semantic, no answers": ({"semantic": {"alpha": 0.5}}, [1, 0], {"clusters": [-1, -1]}, [0.5, -0.5]),
    "semantic, all differ": ({"semantic": {"alpha": 1}}, [1, 0], {"clusters": [0, 1]}, [0, 0]),
    # Shares 2/4, 2/4, 1/4 and none, whatever was right.
    "cluster_share": ("cluster_share", [0, 0, 1, 0], {"clusters": [0, 0, 1, -1]}, normalised([0.5, 0.5, 0.25, 0])),
    "cluster_share, all alike": ("cluster_share", [0, 0, 0], {"clusters": [0, 0, 0]}, [0] * 3),
    "cluster_share, all differ": ("cluster_share", [1, 0, 0], {"clusters": [0, 1, 2]}, [0] * 3),
    "cluster_share, no answers": ("cluster_share", [0, 0], {"clusters": [-1, -1]}, [0, 0]),
    # From the least likely on: 0, 2, 3, 1; the right ones have ranks 1 and 3 of 4.
    "unlikeliness": (
        {"unlikeliness": {"beta": 0.25}}, [1, 0, 0, 1], {"logprobs": [-9.0, -1.0, -8.0, -2.0]},
        normalised([1 - 0.25 / 4, 0, 0, 1 - 0.75 / 4]),
    ),
    "unlikeliness, ties": (
        {"unlikeliness": {"beta": 0.5}}, [1, 1], {"logprobs": [-2.0, -2.0]}, normalised([0.75, 0.5]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_by_hand(case):
    part, rewards, others, expected = CASES[case]
    assert earned(part, rewards, **others) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("part", ["group_normalised", "centred"])
@pytest.mark.parametrize("reward", [0.0, 1.0, 0.1, 1e9])
def test_equal_rewards_give_exactly_zero(part, reward):
    """The mean of eleven equal floats differs from them in the last digit: no advantage may come of it."""
    assert earned(part, [reward] * 11) == [0] * 11
    assert np.abs(earned(part, [0.0] * 10 + [1.0])).min() > 0.05


def test_group_normalised_keeps_its_bits():
    """As it was when it took the rewards of all groups of a step at once."""
    rewards = torch.rand(200, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rewards[:100] = (rewards[:100] > 0.5).double()
    together = rewards.float()
    spread = together.std(dim=1, keepdim=True) + 1e-6
    expected = (together - together.mean(dim=1, keepdim=True)) / spread
    expected = expected.masked_fill((together == together[:, :1]).all(dim=1, keepdim=True), 0.0)
    found = [advantage_of(Part("group_normalised"))(outcomes(row)) for row in rewards.numpy()]
    assert np.array_equal(np.stack(found), expected.numpy())


@pytest.mark.parametrize("count", range(1, 7))
def test_pass_at_k_is_the_mean_over_all_sets(count):
    """Each set's advantage among all sets, averaged over those that a response is in."""
    for k, pattern in itertools.product(range(1, count + 1), itertools.product([0, 1], repeat=count)):
        sets = list(itertools.combinations(range(count), k))
        rewards = [max(pattern[i] for i in chosen) for chosen in sets]
        deviation = statistics.pstdev(rewards)
        of_sets = [(reward - statistics.mean(rewards)) / deviation if deviation else 0 for reward in rewards]
        expected = [
            statistics.mean(a for a, chosen in zip(of_sets, sets, strict=True) if i in chosen)
            for i in range(count)
        ]
        assert earned({"pass_at_k": {"k": k}}, pattern) == pytest.approx(expected, abs=1e-6), (k, pattern)


EVERY = {
    "group_normalised": {}, "centred": {}, "signed": {"right": 0.1, "wrong": 1}, "pass_at_k": {"k": 3},
    "semantic": {"alpha": 0.5}, "cluster_share": {}, "unlikeliness": {"beta": 0.25},
}  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_the_order_of_responses_changes_nothing(name):
    rng = np.random.default_rng(0)
    record = outcomes(rng.integers(0, 2, 8), logprobs=-rng.random(8), clusters=rng.integers(-1, 3, 8))
    order = rng.permutation(8)
    columns = ("rewards", "correct", "lengths", "logprobs", "clusters")
    shuffled = Outcomes(*(getattr(record, column)[order] for column in columns))
    function = advantage_of(Part({name: EVERY[name]}))
    assert function(shuffled) == pytest.approx(function(record)[order], abs=1e-6)
    assert function(record).any()


def test_the_cases_are_all_parts():
    from sent.training import parts

    assert parts.names("advantage") == sorted([*EVERY, "random_rewards"])


def test_random_rewards_are_drawn_by_lot_and_by_name():
    function = advantage_of(Part({"random_rewards": {"share": 0.25}}))
    record = outcomes([1, 1, 1, 1, 0, 0, 0, 0])
    groups = [function(dataclasses.replace(record, seed=seed)) for seed in range(400)]
    won = np.stack(groups) > 0
    assert abs(won.mean() - 0.25) < 0.03  # a group that won or lost as a whole is flat
    assert abs(won[:, :4].mean() - won[:, 4:].mean()) < 0.05, "right responses win no more often"
    assert np.array_equal(groups[7], function(dataclasses.replace(record, seed=7)))
    assert not np.array_equal(groups[7], groups[8])


# ---------------------------------------------------------------- mistakes

OWN = "import numpy as np\n\n\ndef own(outcomes):\n    return "


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("outcomes.rewards.tolist()", "must return a NumPy array of 2 numbers, one a response; found list"),
        ("outcomes.rewards.mean()", "must return a NumPy array of 2 numbers, one a response; found float64"),
        ("outcomes.rewards[:1]", "found float64 of shape (1,)"),
        ("outcomes.correct", "found bool of shape (2,)"),
        ("np.array(['a', 'b'])", "found <U1 of shape (2,)"),
        ("np.log(outcomes.rewards)", "returned numbers that are not finite, for rewards [1.0, 0.0]: [0.0, -inf]"),
        ("outcomes.rewards + np.nan", "not finite"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_mistakes_in_an_advantage_of_ones_own_are_named(tmp_path, monkeypatch, returned, message):
    (tmp_path / "own.py").write_text(f"{OWN}{returned}\n")
    monkeypatch.setattr(advantages, "__path__", [*advantages.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "sent.training.advantages.own", raising=False)
    with pytest.raises(SentError) as error:
        earned("own", [1, 0])
    assert str(error.value).startswith("advantages/own.py: function 'own' ") and message in str(error.value)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"advantage": "centerd"}, "mine: unknown advantage 'centerd'; did you mean 'centred'?"),
        ({"advantage": {"signed": {"right": 1}}}, "constants of advantage 'signed': 'wrong': Field required"),
        ({"advantage": {"signed": {"right": 1, "wrong": -1}}}, "greater than or equal to 0, found -1"),
        ({"advantage": {"pass_at_k": {"k": 1.5}}}, "'k': Input should be a valid integer"),
    ],
)
def test_mistakes_in_an_entry_are_named(entry, message):
    with pytest.raises(SentError) as error:
        recipe.check(parse(Method, entry, "mine"), "mine")
    assert message in str(error.value)


def test_pass_at_k_needs_more_than_k_responses():
    method = Method(advantage={"pass_at_k": {"k": 4}})
    recipe.check_training("mine", method, Training(responses_per_prompt=5))
    with pytest.raises(SentError, match=r"'mine': k \(4\) of its advantage must be less than .*prompt \(4\)"):
        recipe.check_training("mine", method, Training(responses_per_prompt=4))

"""The small parts that objectives are made of, and the settings of a method."""

import math
from pathlib import Path

import pytest
import torch
import yaml
from sent.config import Method, dump, parse
from sent.errors import SentError
from sent.training import objectives
from sent.training.advantages import EPSILON, group_advantages
from sent.training.kl import kl
from sent.training.loss import MicroBatch, averages, objective
from sent.training.plan import TokenStatistics, plan_tokens

REGISTRY = yaml.safe_load((Path(__file__).parents[2] / "config" / "methods.yaml").read_text())

# ---------------------------------------------------------------- advantages


def test_group_advantages_by_hand():
    """Rewards 1, 0, 0, 0: mean 1/4, deviation sqrt((9/16 + 3/16) / 3) = 1/2."""
    found = group_advantages(torch.tensor([[1.0, 0, 0, 0]], dtype=torch.float64))
    assert found.tolist()[0] == pytest.approx([x / (0.5 + EPSILON) for x in (0.75, -0.25, -0.25, -0.25)])


@pytest.mark.parametrize("reward", [0.0, 1.0, 0.1, 1e9])
def test_equal_rewards_give_exactly_zero(reward):
    """The mean of eleven equal floats differs from them in the last digit: no advantage may come of it."""
    found = group_advantages(torch.tensor([[reward] * 11, [0.0] * 10 + [1.0]]))
    assert found[0].tolist() == [0] * 11
    assert found[1].abs().min() > 0.2


def test_one_response_and_whole_numbers():
    assert group_advantages(torch.tensor([[3.0], [5.0]])).tolist() == [[0], [0]]
    assert group_advantages(torch.tensor([[1, 0]])).tolist()[0] == pytest.approx(
        [math.sqrt(0.5), -math.sqrt(0.5)], abs=1e-5
    )


# ---------------------------------------------------------------- KL


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [("k1", math.log(2)), ("k2", math.log(2) ** 2 / 2), ("k3", 0.5 - 1 + math.log(2)), ("abs", math.log(2))],
)
def test_estimators_by_hand(estimator, expected):
    """The policy gives the token twice the anchor's probability; abs and k2 are even, k3 is not."""
    policy, anchor = torch.tensor([0.5]).double().log(), torch.tensor([0.25]).double().log()
    assert kl(estimator, policy, anchor).item() == pytest.approx(expected)
    assert kl(estimator, anchor, anchor).item() == 0


@pytest.mark.parametrize("estimator", ["k1", "k3"])
def test_estimators_are_unbiased(estimator):
    """Weighted with the policy's probabilities they sum to the divergence itself."""
    policy, anchor = (torch.tensor(p, dtype=torch.float64).log() for p in ([0.5, 0.3, 0.2], [0.2, 0.2, 0.6]))
    exact = (policy.exp() * (policy - anchor)).sum()
    assert (policy.exp() * kl(estimator, policy, anchor)).sum().item() == pytest.approx(exact.item())


@pytest.mark.parametrize(("estimator", "expected"), [("k1", 1), ("k2", 0), ("k3", 0), ("abs", 0)])
def test_gradient_where_policy_and_anchor_agree(estimator, expected):
    """What `needs_two_updates` rests on."""
    logp = torch.tensor([-1.5], requires_grad=True)
    kl(estimator, logp, logp.detach()).sum().backward()
    assert logp.grad.item() == expected


def test_unknown_estimator():
    with pytest.raises(ValueError, match="k4"):
        kl("k4", torch.zeros(1), torch.zeros(1))


# ---------------------------------------------------------------- settings


def test_registry_holds_the_methods_of_the_comparison():
    compared = ["grpo", "en", "adv", "mask", "clip_cov", "kl_cov", "high_en", "sent"]
    ablations = ["sent_released", "sent_no_curriculum", "sent_uniform_kl", "sent_no_kl", "grpo_curriculum"]
    assert sorted(REGISTRY) == sorted(compared + ablations)


@pytest.mark.parametrize("name", REGISTRY)
def test_entries_survive_the_command_line(name):
    method = parse(Method, REGISTRY[name], name)
    assert parse(Method, dump(method), name) == method
    assert method.label


def test_every_constant_names_its_source():
    """Each line that shapes the loss has a comment that says where its value is from."""
    text = (Path(__file__).parents[2] / "config" / "methods.yaml").read_text()
    free = (
        "label:",
        "objective:",
        "curriculum: false",
        "constants:",
        "constants: {}",
        "<<:",
        "kl_anchor: null",
    )
    for line in text.splitlines():
        entry = line.strip()
        if line.startswith(" ") and not entry.startswith(free):
            assert "#" in entry, entry
            source = entry.partition("#")[2]
            assert any(word in source for word in ("[", "ours", "as sent", "none", "without effect")), entry


@pytest.mark.parametrize("name", REGISTRY)
def test_what_methods_need(name):
    method = parse(Method, REGISTRY[name], name)
    assert method.needs_two_updates == (name in ("kl_cov", "sent_released"))
    assert method.needs_reference == (name not in ("adv", "mask", "clip_cov", "kl_cov", "sent_no_kl"))


def test_k1_to_the_old_policy_works_with_one_update():
    assert not Method(kl_anchor="old", kl_estimator="k1").needs_two_updates


@pytest.mark.parametrize("changed", ["curriculum", "constants", "objective"])
def test_ablations_differ_from_sent_in_one_thing(changed):
    names = {"curriculum": "sent_no_curriculum", "constants": "sent_uniform_kl", "objective": "sent_no_kl"}
    sent, ablation = (parse(Method, REGISTRY[n], n).model_dump() for n in ("sent", names[changed]))
    different = {key for key in sent if sent[key] != ablation[key]} - {"label"}
    consequences = {"objective": {"constants", "kl_anchor"}}.get(changed, set())
    assert different == {changed} | consequences


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"objective": "snt"}, "unknown objective 'snt'; did you mean 'sent'?"),
        ({"objective": "__init__"}, "unknown objective '__init__'"),
        ({"objective": "mask"}, "constants of objective 'mask': 'share': Field required"),
        ({"objective": "mask", "constants": {"shar": 0.2}}, "unknown key 'shar'; did you mean 'share'?"),
        (
            {"objective": "mask", "constants": {"share": 20}},
            "Input should be less than or equal to 1, found 20",
        ),
        ({"objective": "mask", "constants": {"share": "a few"}}, "'share': Input should be a valid number"),
        ({"objective": "grpo", "constants": {"share": 0.2}}, "unknown key 'share'"),
        (
            {"objective": "adv", "constants": {"alpha": 0.4, "kappa": 1}},
            "Input should be greater than 1",
        ),
        ({"clip_low": None}, "give both clip_low and clip_high, or null for both"),
        ({"kl_anchor": "teacher"}, "'kl_anchor': Input should be 'reference' or 'old', found 'teacher'"),
        ({"agregation": "token_mean"}, "unknown key 'agregation'; did you mean 'aggregation'?"),
    ],
)
def test_mistakes_in_an_entry_are_named(entry, message):
    with pytest.raises(SentError) as error:
        parse(Method, entry, "methods.mine")
    assert message in str(error.value) and str(error.value).startswith("methods.mine: ")


def test_objectives_are_the_files_of_the_folder():
    assert objectives.names() == ["adv", "clip_cov", "grpo", "kl_cov", "mask", "sent", "sent_released"]


# ---------------------------------------------------------------- the loss


def small(method, **changes):
    """Return a micro-batch of one response of two tokens, each a ratio of 2, advantage 1."""
    logp = torch.tensor([[0.8, 0.6]], dtype=torch.float64).log()
    values = {
        "logp": logp,
        "logp_old": logp - math.log(2),
        "entropy": torch.ones(1, 2, dtype=torch.float64),
        "advantages": torch.ones(1, 2, dtype=torch.float64),
        "mask": torch.ones(1, 2, dtype=torch.bool),
        "keys": torch.zeros(1, dtype=torch.int64),
    } | changes
    stats = TokenStatistics(**values)
    return stats, MicroBatch(
        stats.logp_old, stats.mask, plan_tokens(method, stats, 0), logp_ref=stats.logp_old
    )


def test_metrics_by_hand():
    """Both ratios are 2 and clip at 1.2; KL k3 to a policy of half the probability is ln 2 - 1/2."""
    method = Method(reference_kl=0.1, entropy_coefficient=0.5)
    stats, batch = small(method)
    loss, sums = objective(method, stats.logp, stats.entropy, batch)
    found = averages({name: value.item() for name, value in sums.items()})
    divergence = math.log(2) - 0.5
    assert found == pytest.approx(
        {
            "clip_fraction": 1,
            "kl_old": divergence,
            "kl_reference": divergence,
            "entropy": 1,
            "loss_policy": -1.2,
            "loss_reference": 0.1 * divergence,
            "loss_entropy": -0.5,
        }
    )
    assert loss.item() == pytest.approx(-1.2 + 0.1 * divergence - 0.5)


def test_importance_weighs_the_policy_gradient_alone():
    method = Method(reference_kl=0.1, clip_low=None, clip_high=None)
    stats, batch = small(method)
    weighted = MicroBatch(**{**vars(batch), "importance": torch.tensor([[0.5, 2.0]])})
    _, sums = objective(method, stats.logp, None, batch)
    _, weighted_sums = objective(method, stats.logp, None, weighted)
    assert sums["loss_policy"].item() == pytest.approx(-(2 + 2) / 2)
    assert weighted_sums["loss_policy"].item() == pytest.approx(-(2 * 0.5 + 2 * 2) / 2)
    assert sums["loss_reference"] == weighted_sums["loss_reference"]


def test_a_missing_reference_is_named():
    method = Method(reference_kl=0.1)
    stats, batch = small(method)
    with pytest.raises(ValueError, match="reference"):
        objective(method, stats.logp, None, MicroBatch(**{**vars(batch), "logp_ref": None}))


def test_entropy_is_not_needed_without_a_bonus():
    method = Method()
    stats, batch = small(method)
    _, sums = objective(method, stats.logp, None, batch)
    assert "entropy" not in sums

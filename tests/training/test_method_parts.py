"""The small parts that losses are made of, and the settings of a method."""

import contextlib
import math
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from minibatches import batch_of, share_of, weights_of
from sent.config import Method, Training, dump, parse
from sent.errors import SentError
from sent.training import recipe, weightings
from sent.training.advantages import EPSILON, group_advantages
from sent.training.kl import kl
from sent.training.loss import averages, method_loss

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
    """Why a KL to the old policy needs two updates."""
    logp = torch.tensor([-1.5], requires_grad=True)
    kl(estimator, logp, logp.detach()).sum().backward()
    assert logp.grad.item() == expected


def test_unknown_estimator():
    with pytest.raises(ValueError, match="k4"):
        kl("k4", torch.zeros(1), torch.zeros(1))


# ---------------------------------------------------------------- settings


def test_registry_holds_the_methods_of_the_comparison():
    assert {"grpo", "en", "adv", "mask", "clip_cov", "kl_cov", "high_en", "sent"} <= REGISTRY.keys()


@pytest.mark.parametrize("name", REGISTRY)
def test_entries_survive_the_command_line(name):
    method = parse(Method, REGISTRY[name], name)
    assert parse(Method, dump(method), name) == method
    recipe.check(method, name)


def test_every_constant_names_its_source():
    """Each line that shapes the loss has a comment that says where its value is from; entries of one's own need none."""
    root = Path(__file__).parents[2]
    text, page = ((root / name).read_text() for name in ("config/methods.yaml", "docs/methods.md"))
    entries = re.split(r"^(?=\w)", text, flags=re.MULTILINE)
    text = "".join(entry for entry in entries if f"`{entry.partition(':')[0]}`" in page)
    assert text.count("\n") > 100
    free = (
        "label:",
        "weighting:",
        "curriculum: null",
        "<<:",
        "kl_anchor: null",
        "keeps:",
    )
    for line in text.splitlines():
        entry = line.strip()
        is_part = entry.endswith(":")
        if line.startswith(" ") and not is_part and not entry.startswith(free):
            assert "#" in entry, entry
            source = entry.partition("#")[2]
            assert any(word in source for word in ("[", "ours", "as sent", "none", "without effect")), entry


@pytest.mark.parametrize("name", REGISTRY)
def test_what_methods_need(name):
    method = parse(Method, REGISTRY[name], name)
    one_update = Training(prompts_per_step=2, minibatch_prompts=2)
    refused = pytest.raises(SentError, match=f"method '{name}': its KL to the old policy has no gradient")
    with refused if method.kl_anchor == "old" else contextlib.nullcontext():
        recipe.check_training(name, method, one_update)
    recipe.check_training(name, method, Training(prompts_per_step=2, minibatch_prompts=1))
    assert recipe.needs_reference(method) == (method.kl_anchor == "reference" or method.reference_kl > 0)
    assert recipe.needs_current_policy(method) == (method.weighting.name != "uniform")


def test_k1_to_the_old_policy_works_with_one_update():
    one_update = Training(prompts_per_step=2, minibatch_prompts=2)
    recipe.check_training("mine", Method(kl_anchor="old", kl_estimator="k1"), one_update)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("sent_no_curriculum", {"curriculum"}),
        ("sent_uniform_kl", {"weighting"}),
        ("sent_no_kl", {"weighting", "kl_anchor"}),
    ],
)
def test_ablations_differ_from_sent_in_one_thing(name, changed):
    sent, ablation = (parse(Method, REGISTRY[n], n).model_dump() for n in ("sent", name))
    assert {key for key in sent if sent[key] != ablation[key]} - {"label"} == changed


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"weighting": "snt"}, "unknown weighting 'snt'; did you mean 'sent'?"),
        ({"weighting": "__init__"}, "unknown weighting '__init__'"),
        ({"weighting": ["sent"]}, "'weighting': expected a name, or one name with its constants"),
        ({"weighting": {"sent": {}, "mask": {}}}, "expected a name, or one name with its constants"),
        ({"weighting": "mask"}, "constants of weighting 'mask': 'share': Field required"),
        ({"weighting": {"mask": {"shar": 0.2}}}, "unknown key 'shar'; did you mean 'share'?"),
        ({"weighting": {"mask": {"share": 20}}}, "Input should be less than or equal to 1, found 20"),
        ({"weighting": {"mask": {"share": "a few"}}}, "'share': Input should be a valid number"),
        ({"weighting": {"uniform": {"share": 0.2}}}, "unknown key 'share'"),
        ({"weighting": {"adv": {"alpha": 0.4, "kappa": 1}}}, "Input should be greater than 1"),
        ({"clip_low": None}, "give both clip_low and clip_high, or null for both"),
        ({"kl_anchor": "teacher"}, "'kl_anchor': Input should be 'reference' or 'old', found 'teacher'"),
        ({"agregation": "token_mean"}, "unknown key 'agregation'; did you mean 'aggregation'?"),
        ({"training": {"lrr": 1}}, "unknown key 'training.lrr'; did you mean 'lr'?"),
        (
            {"training": {"decoding": {"top_p": 2}}},
            "'training.decoding.top_p': Input should be less than or equal to 1",
        ),
        (
            {"training": {"vllm": {"enforce_eager": True}}},
            "'training': 'vllm.enforce_eager' says how jobs run",
        ),
        (
            {"keeps": ["agregation"]},
            "'keeps': no key that methods share is called 'agregation'; did you mean 'aggregation'?",
        ),
        ({"keeps": ["label"]}, "'keeps': no key that methods share is called 'label'"),
    ],
)
def test_mistakes_in_an_entry_are_named(entry, message):
    with pytest.raises(SentError) as error:
        recipe.check(parse(Method, entry, "methods.mine"), "methods.mine")
    assert message in str(error.value) and str(error.value).startswith("methods.mine: ")


OWN = "from sent.training.selection import Choice, Share, Tokens\n\n\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def other(tokens):\n    return Choice()\n", "weightings/own.py: expected a function called 'own', found none"),
        ("def own(tokens, *, share):\n    return Choice()\n", "weightings/own.py: argument 'share' has no annotation"),
        ("def own(tokens):\n    return tokens.logp\n", "weighting 'own' returned ndarray, expected a Choice"),
        ("def own(tokens):\n    return Choice(pg_weight=1.0)\n", "pg_weight must be a NumPy array of 2 values"),
        ("def own(tokens):\n    return Choice(pg_weight=tokens.logp[:1])\n", "found of shape (1,)"),
        ("def own(tokens):\n    return Choice(pg_weight=tokens.logp)\n", "pg_weight is negative for 2 of 2 tokens"),
        ("def own(tokens):\n    return Choice(advantages=tokens.logp * float('nan'))\n", "advantages is not finite for 2"),
        ("def own(tokens):\n    return Choice(kl_weight=-tokens.logp)\n", "sets KL weights, so its method needs `kl_anchor`"),
    ],
)  # fmt: skip
def test_mistakes_in_a_weighting_of_ones_own_are_named(tmp_path, monkeypatch, text, message):
    (tmp_path / "own.py").write_text(OWN + text)
    monkeypatch.setattr(weightings, "__path__", [*weightings.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "sent.training.weightings.own", raising=False)
    with pytest.raises(SentError) as error:
        method = parse(
            Method, {"weighting": "own" if "share" not in text else {"own": {"share": 0.5}}}, "mine"
        )
        recipe.check(method, "mine")
        weights_of(method, share_of([[-1.0, -2.0]]))
    assert message in str(error.value)


# ---------------------------------------------------------------- the loss


def small(method):
    """Return log-probabilities and batch of one response of two tokens, each a ratio of 2, advantage 1, entropy 1."""
    logp = np.log([[0.8, 0.6]])
    share = share_of(logp, entropy=np.ones((1, 2)), logp_old=logp - math.log(2))
    return torch.from_numpy(logp[0]), batch_of(method, share)


def test_metrics_by_hand():
    """Both ratios are 2 and clip at 1.2; KL k3 to a policy of half the probability is ln 2 - 1/2."""
    method = Method(reference_kl=0.1, entropy_coefficient=0.5)
    logp, batch = small(method)
    loss, sums = method_loss(method, logp, torch.ones(2), batch)
    found = averages({name: value.item() for name, value in sums.items()})
    divergence = math.log(2) - 0.5
    assert found == pytest.approx(
        {
            "clip_fraction": 1,
            "kl_old": divergence,
            "kl_reference": divergence,
            "loss_policy": -1.2,
            "loss_reference": 0.1 * divergence,
            "loss_entropy": -0.5,
        }
    )
    assert loss.item() == pytest.approx(-1.2 + 0.1 * divergence - 0.5)


def test_importance_weighs_the_policy_gradient_alone():
    """The trainer holds the first token half, the second three times as likely as the sampler did; the cap is 2."""
    method = Method(reference_kl=0.1, clip_low=None, clip_high=None)
    logp, batch = small(method)
    sampled = batch.logp_old - torch.tensor([0.5, 3.0], dtype=torch.float64).log()
    _, sums = method_loss(method, logp, None, batch)
    _, weighted_sums = method_loss(
        method, logp, None, replace(batch, sampler_logp=sampled), importance_cap=2.0
    )
    assert sums["loss_policy"].item() == pytest.approx(-(2 + 2) / 2)
    assert weighted_sums["loss_policy"].item() == pytest.approx(-(2 * 0.5 + 2 * 2) / 2)
    assert sums["loss_reference"] == weighted_sums["loss_reference"]

"""The small parts that losses are made of, and the settings of a method."""

import contextlib
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from minibatches import batch_of, share_of, weights_of
from registry import METHODS, TEXT
from sent.config import Method, Training, dump, parse
from sent.errors import SentError
from sent.training import recipe, surrogates, weightings
from sent.training.kl import kl
from sent.training.loss import averages, method_loss

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
    assert {"grpo", "en", "adv", "mask", "clip_cov", "kl_cov", "high_en", "sent"} <= METHODS.keys()


@pytest.mark.parametrize(("name", "method"), METHODS.items())
def test_entries_survive_the_command_line(name, method):
    assert parse(Method, dump(method), name) == method
    recipe.check(method, name)


def test_every_constant_names_its_source():
    """Each line that shapes the loss has a comment that says where its value is from."""
    free = (
        "label:",
        "advantage:",
        "weighting:",
        "curriculum: null",
        "<<:",
        "kl_anchor: null",
        "keeps:",
    )
    for line in TEXT.splitlines():
        entry = line.strip()
        is_part = entry.endswith(":")
        if line.startswith(" ") and not is_part and not entry.startswith(free):
            assert "#" in entry, entry
            source = entry.partition("#")[2]
            assert any(word in source for word in ("[", "ours", "as sent", "none", "without effect")), entry


@pytest.mark.parametrize(("name", "method"), METHODS.items())
def test_what_methods_need(name, method):
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
        ("sent_beta_low_0", {"weighting"}),
        ("sent_no_kl", {"weighting", "kl_anchor"}),
    ],
)
def test_ablations_differ_from_sent_in_one_thing(name, changed):
    sent, ablation = (METHODS[n].model_dump() for n in ("sent", name))
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
        (
            {"clip_low": None},
            "surrogate 'clipped' needs clip_low; give a number, or set `surrogate: unclipped`",
        ),
        (
            {"surrogate": "unclipped"},
            "surrogate 'unclipped' has no clip_low, found 0.2; set `clip_low: null`",
        ),
        ({"surrogate": "cispo", "clip_high": 4}, "surrogate 'cispo' has no clip_low"),
        ({"surrogate": "cliped"}, "unknown surrogate 'cliped'; did you mean 'clipped'?"),
        (
            {"surrogate": {"clipped": {"clip_low": 0.2}}},
            "constants of surrogate 'clipped': unknown key 'clip_low'",
        ),
        ({"surrogate": "dual_clip"}, "constants of surrogate 'dual_clip': 'bound': Field required"),
        ({"surrogate": {"dual_clip": {"bound": 1}}}, "Input should be greater than 1, found 1"),
        ({"ratio": "response"}, "'ratio': Input should be 'token' or 'sequence', found 'response'"),
        (
            {"ratio": "sequence", "weighting": {"mask": {"share": 0.2}}},
            "weighting 'mask' weighs the policy gradient of tokens, and `ratio: sequence` has one ratio for a whole response",
        ),
        ({"entropy": -1}, "'entropy': Input should be greater than or equal to 0, found -1"),
        (
            {"entropy": True},
            "'entropy': expected a coefficient, or a controller: {target: ..., step: ..., max: ...}",
        ),
        ({"entropy": {"target": 0.2, "max": 1}}, "'entropy.step': Field required"),
        ({"entropy": {"target": 0.2, "step": 0, "max": 1}}, "'entropy.step': Input should be greater than 0"),
        (
            {"entropy": {"tarjet": 0.2, "step": 1, "max": 1}},
            "unknown key 'entropy.tarjet'; did you mean 'target'?",
        ),
        ({"entropy_coefficient": 0.001}, "unknown key 'entropy_coefficient'; did you mean 'entropy'?"),
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


WEIGHTINGS, SURROGATES = (
    [
        ("def other(tokens):\n    return Choice()\n", "weightings/own.py: expected a function called 'own', found none"),
        ("def own(tokens, *, share):\n    return Choice()\n", "own.py: function 'own': argument 'share' has no annotation"),
        ("def own(tokens, share: Share):\n    pass\n", "must take (tokens), and its constants after a `*`; found (tokens, shar"),
        ("def own(tokens, *, share: Tokens):\n    pass\n", "function 'own': a constant's annotation is no type: Unable"),
        ("def own(tokens:\n", "weightings/own.py: cannot be imported: SyntaxError: '(' was never closed"),
        ("import numpi\n", "weightings/own.py: cannot be imported: ModuleNotFoundError: No module named 'numpi'"),
        ("def own(tokens):\n    return tokens.logp\n", "weightings/own.py: function 'own' returned ndarray, expected a Choice"),
        ("def own(tokens):\n    return Choice(pg_weight=1.0)\n", "pg_weight must be a NumPy array of 2 values"),
        ("def own(tokens):\n    return Choice(pg_weight=tokens.logp[:1])\n", "found of shape (1,)"),
        ("def own(tokens):\n    return Choice(pg_weight=tokens.logp)\n", "pg_weight is negative for 2 of 2 tokens"),
        ("def own(tokens):\n    return Choice(advantages=tokens.logp * float('nan'))\n", "advantages is not finite for 2"),
        ("def own(tokens):\n    return Choice(diagnostics={'a': tokens.logp})\n", "'a' for the log must be a finite number"),
        ("def own(tokens):\n    return Choice(kl_weight=-tokens.logp)\n", "sets KL weights, so its method needs `kl_anchor`"),
    ],
    [
        ("def own(ratio, advantage, logp):\n    return ratio\n", "must return two tensors of 2 values"),
        ("def own(ratio, advantage, logp):\n    return ratio\n", "found float64 of shape (2,)"),
        ("def own(ratio, advantage, logp):\n    return None, ratio > 2\n", "found (NoneType, bool of shape (2,))"),
        ("def own(ratio, advantage, logp):\n    return ratio, ratio\n", "found (float64 of shape (2,), float64 of shape (2,))"),
        ("def own(ratio, advantage, logp):\n    return ratio.mean(), ratio > 2\n", "found (float64 of shape (), bool"),
        ("def own(ratio, advantage, logp):\n    return logp.log(), ratio > 2\n", "it returns is not finite for 2 of 2 tokens"),
        ("def own(ratio, advantage):\n    pass\n", "must take (ratio, advantage, logp), and its constants after a `*`"),
        ("def own(ratio, advantage, logp, *, clip_lw: float):\n    pass\n", "surrogate 'own' has no clip_low, found 0.2"),
    ],
)  # fmt: skip


@pytest.mark.parametrize("field", ["pg_weight", "advantages"])
def test_one_ratio_for_a_response_needs_one_weight_for_its_tokens(tmp_path, monkeypatch, field):
    """Also of a weighting that does not say what it needs: weights that differ between responses alone are taken."""
    text = f"def own(tokens):\n    return Choice({field}=tokens.logp**2)\n"
    (tmp_path / "own.py").write_text(OWN + text)
    monkeypatch.setattr(weightings, "__path__", [*weightings.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, f"{weightings.__name__}.own", raising=False)
    method = Method(ratio="sequence", weighting="own")
    weights_of(method, share_of([[-1.0, -1.0], [-3.0, -3.0]], mask=[[True, True], [True, False]]))
    with pytest.raises(
        SentError, match=r"weightings/own\.py: .* weighs the tokens of one response differently"
    ):
        weights_of(method, share_of([[-1.0, -2.0], [-3.0, -3.0]]))


@pytest.mark.parametrize(
    ("package", "kind", "text", "message"),
    [(weightings, "weighting", *case) for case in WEIGHTINGS]
    + [(surrogates, "surrogate", *case) for case in SURROGATES],
)
def test_mistakes_in_a_part_of_ones_own_are_named(tmp_path, monkeypatch, package, kind, text, message):
    (tmp_path / "own.py").write_text(OWN + text)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, f"{package.__name__}.own", raising=False)
    bounds = {} if kind == "weighting" or "clip" in text else {"clip_low": None, "clip_high": None}
    part = {"own": {"share": 0.5}} if "share" in text else "own"
    with pytest.raises(SentError) as error:
        method = parse(Method, {kind: part} | bounds, "mine")
        recipe.check(method, "mine")
        weights_of(method, share_of([[-1.0, -2.0]]))
    assert message in str(error.value)
    assert "own.py: " in str(error.value) or "clip" in text


# ---------------------------------------------------------------- the loss


def small(method):
    """Return log-probabilities and batch of one response of two tokens, each a ratio of 2, advantage 1, entropy 1."""
    logp = np.log([[0.8, 0.6]])
    share = share_of(logp, entropy=np.ones((1, 2)), logp_old=logp - math.log(2))
    return torch.from_numpy(logp[0]), batch_of(method, share)


def test_metrics_by_hand():
    """Both ratios are 2 and clip at 1.2; KL k3 to a policy of half the probability is ln 2 - 1/2."""
    method = Method(reference_kl=0.1, entropy=0.5)
    logp, batch = small(method)
    loss, sums = method_loss(method, logp, torch.ones(2), batch)
    found = averages({name: value.item() for name, value in sums.items()}, 2.0)
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
    method = Method(reference_kl=0.1, surrogate="unclipped", clip_low=None, clip_high=None)
    logp, batch = small(method)
    sampled = batch.logp_old - torch.tensor([0.5, 3.0], dtype=torch.float64).log()
    _, sums = method_loss(method, logp, None, batch)
    _, weighted_sums = method_loss(
        method, logp, None, replace(batch, sampler_logp=sampled), importance_cap=2.0
    )
    assert sums["loss_policy"].item() == pytest.approx(-(2 + 2) / 2)
    assert weighted_sums["loss_policy"].item() == pytest.approx(-(2 * 0.5 + 2 * 2) / 2)
    assert sums["loss_reference"] == weighted_sums["loss_reference"]

"""What is maximised of a token: values, gradients and held tokens by hand, around the bounds of each surrogate."""

import math

import numpy as np
import pytest
import torch
from sent.config import Method, Part
from sent.training import parts
from sent.training.loss import gains

CLIP = {"clip_low": 0.2, "clip_high": 0.3}
CASES = [
    # surrogate, constants, ratio, advantage -> value, derivative in logp, held
    ("clipped", CLIP, 1.25, 2, 2.5, 2.5, False),
    ("clipped", CLIP, 1.5, 2, 2.6, 0, True),
    ("clipped", CLIP, 1.5, -2, -3, -3, False),
    ("clipped", CLIP, 0.5, 2, 1, 1, False),
    ("clipped", CLIP, 0.5, -2, -1.6, 0, True),
    ("clipped", CLIP, 1.5, 0, 0, 0, False),
    ("unclipped", {}, 9, 2, 18, 18, False),
    ("unclipped", {}, 0.1, -2, -0.2, -0.2, False),
    ("dual_clip", CLIP | {"bound": 3}, 2.5, -2, -5, -5, False),
    ("dual_clip", CLIP | {"bound": 3}, 4, -2, -6, 0, True),
    ("dual_clip", CLIP | {"bound": 3}, 4, 2, 2.6, 0, True),
    ("dual_clip", CLIP | {"bound": 3}, 0.5, -2, -1.6, 0, True),
    ("cispo", {"clip_high": 4}, 4, 2, 8 * -1.5, 8, False),
    ("cispo", {"clip_high": 4}, 9, 2, 10 * -1.5, 10, True),
    ("cispo", {"clip_high": 4}, 9, -2, -10 * -1.5, -10, True),
    ("cispo", {"clip_high": 4}, 0.1, -2, -0.2 * -1.5, -0.2, False),
    ("cispo", {"clip_high": 4}, 9, 0, 0, 0, False),
    ("gradient_preserving", CLIP | {"scale_low": 0.5, "scale_high": 0.75}, 1.25, 2, 2.5, 2.5, False),
    ("gradient_preserving", CLIP | {"scale_low": 0.5, "scale_high": 0.75}, 1.5, 2, 0.75 * 2.6, 0.75 * 2.6, True),
    ("gradient_preserving", CLIP | {"scale_low": 0.5, "scale_high": 0.75}, 0.5, -2, -0.8, -0.8, True),
    ("gradient_preserving", CLIP | {"scale_low": 0.5, "scale_high": 0.75}, 0.5, 2, 1, 1, False),
    ("gradient_preserving", CLIP | {"scale_low": 0.5, "scale_high": 0.75}, 1.5, -2, -3, -3, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "constants", "ratio", "advantage", "value", "derivative", "held"), CASES)
def test_by_hand(name, constants, ratio, advantage, value, derivative, held):
    """Each token has log-probability -1.5; other tokens beside it change nothing."""
    own = {k: v for k, v in constants.items() if not k.startswith("clip")}
    bounds = {key: constants.get(key) for key in CLIP}
    method = Method(surrogate={name: own} if own else name, **bounds)
    logp = torch.tensor([-0.5, -1.5, -0.1], dtype=torch.float64, requires_grad=True)
    old = logp.detach() - torch.tensor([9.0, ratio, 0.01], dtype=torch.float64).log()
    advantages = torch.tensor([1.0, advantage, -1], dtype=torch.float64)
    gain, is_held = gains(method, logp, old, advantages, np.array([1, 2]))
    (gradient,) = torch.autograd.grad(gain[1], logp)
    assert gain[1].item() == pytest.approx(value)
    assert gradient.tolist() == pytest.approx([0, derivative, 0])
    assert is_held[1].item() == held


@pytest.mark.parametrize("name", parts.names("surrogate"))
def test_without_an_advantage_there_is_nothing_to_gain(name):
    """Where a surrogate says so, at any ratio: responses without one are then passed through no model."""
    if parts.ADVANTAGE not in parts.needed_by("surrogate", Part(name)):
        pytest.skip("it does not say so")
    constants = {k: v for case in CASES if case[0] == name for k, v in case[1].items()}
    own = {k: v for k, v in constants.items() if not k.startswith("clip")}
    method = Method(surrogate={name: own} if own else name, **{key: constants.get(key) for key in CLIP})
    logp = torch.linspace(-30, -1e-3, 60, dtype=torch.float64, requires_grad=True)
    for shift in torch.linspace(-20, 20, 41, dtype=torch.float64):
        gain, held = gains(method, logp, logp.detach() - shift, torch.zeros_like(logp), np.array([60]))
        assert not gain.any() and not held.any()
        assert not torch.autograd.grad(gain.sum(), logp)[0].any()


def test_every_surrogate_that_comes_with_the_package_is_among_the_cases():
    assert {"clipped", "unclipped", "dual_clip", "cispo", "gradient_preserving"} <= {c[0] for c in CASES}
    assert {c[0] for c in CASES} <= set(parts.names("surrogate"))


def test_ratios_far_away_stay_finite():
    """A token that has become e^200 times less likely: its ratio is 0 in float32."""
    logp = torch.tensor([-201.0], requires_grad=True)
    for sign in (-1.0, 1.0):
        method = Method(surrogate={"gradient_preserving": {"scale_low": 0.5, "scale_high": 1}})
        gain, _ = gains(method, logp, torch.tensor([-1.0]), torch.tensor([sign]), np.array([1]))
        (gradient,) = torch.autograd.grad(gain.sum(), logp)
        assert math.isfinite(gain.item()) and math.isfinite(gradient.item())


def test_the_ratio_of_a_sequence_by_hand(device):
    """Ratios 2 and 8 have the geometric mean 4, ratios 0.5 and 0.5 and 0.5 that of 0.5; a response has no token.

    Clipped to at most 1.3, the first gives 1.3 A without a gradient. The third gives 0.5 A, and d s / d logp_t = s / 3 for
    each of its tokens, of three terms.
    """
    method = Method(ratio="sequence", **CLIP)
    kind = {"dtype": torch.float64, "device": device}
    log_ratios = torch.tensor([2, 8, 0.5, 0.5, 0.5], **kind).log()
    logp = torch.full((5,), -1.0, **kind, requires_grad=True)
    advantages = torch.tensor([1, 1, 2, 2, 2], **kind)
    gain, held = gains(method, logp, logp.detach() - log_ratios, advantages, np.array([2, 0, 3]))
    (gradient,) = torch.autograd.grad(gain.sum(), logp)
    assert gain.tolist() == pytest.approx([1.3, 1.3, 1, 1, 1])
    assert held.tolist() == [True, True, False, False, False]
    assert gradient.tolist() == pytest.approx([0, 0, 1, 1, 1])


def test_no_token_has_no_ratio():
    logp = torch.zeros(0, requires_grad=True)
    gain, held = gains(Method(ratio="sequence"), logp, logp.detach(), logp.detach(), np.zeros(0, np.int64))
    gain.sum().backward()
    assert gain.shape == held.shape == logp.grad.shape == (0,)

"""Log-probabilities at a real vocabulary: right in 16 bits, and in a fraction of the plain computation's memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from sent.training.logprobs import token_logprobs

VOCABULARY = 151936
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "logprobs.py"


def test_bfloat16_equals_float64(device):
    """The inputs are 16-bit numbers, the sums are not: only the order of summing may differ."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(48, 64, generator=generator).bfloat16()
    weight = (torch.randn(VOCABULARY, 64, generator=generator) / 4).bfloat16()
    targets = torch.randint(VOCABULARY, (48,), generator=generator)
    leaves = [leaf.to(device).requires_grad_() for leaf in (hidden, weight)]
    logp, entropy = token_logprobs(*leaves, targets.to(device))
    found = torch.autograd.grad((logp - 0.3 * entropy).sum(), leaves)

    exact = [leaf.double().requires_grad_() for leaf in (hidden, weight)]
    logps = (exact[0] @ exact[1].T).log_softmax(dim=-1)
    expected = logps.gather(1, targets[:, None])[:, 0], -(logps.exp() * logps).sum(dim=-1)
    gradients = torch.autograd.grad((expected[0] - 0.3 * expected[1]).sum(), exact)
    assert logp.dtype == entropy.dtype == torch.float32
    torch.testing.assert_close(logp.double().cpu(), expected[0], atol=1e-4, rtol=0)
    torch.testing.assert_close(entropy.double().cpu(), expected[1], atol=1e-4, rtol=0)
    for one, other in zip(found, gradients, strict=True):  # returned in 16 bits, which keep 8 binary digits
        torch.testing.assert_close(
            one.double().cpu(), other, atol=2e-3 * other.abs().max().item(), rtol=2**-7
        )


@pytest.mark.slow
def test_peak_memory_is_at_most_an_eighth_of_the_plain_computation_s(device):
    """2,048 tokens forward and backward, each way in a process of its own, as benchmarks/logprobs.py measures it."""
    sizes = {"cuda": ["--hidden", "1536", "--dtype", "bfloat16"], "cpu": ["--hidden", "64"]}[device]
    command = [sys.executable, str(BENCHMARK), "--device", device, "--tokens", "2048", *sizes, "--way"]
    used = {}
    for way in ("plain", "blocks"):
        run = subprocess.run([*command, way], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        used[way] = json.loads(run.stdout)["MB"]
    assert (
        used["plain"] > 4 * 2048 * VOCABULARY / 1e6
    )  # at least the logits in float32: something was measured
    assert used["blocks"] <= used["plain"] / 8

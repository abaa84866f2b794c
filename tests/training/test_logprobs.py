"""Log-probabilities and entropies in blocks equal the plain computation, values and gradients."""

import math

import pytest
import torch
from sent.training import logprobs
from sent.training.logprobs import token_logprobs

TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5}


def plain(hidden, weight, targets, temperature=1.0, bias=None, scale=1.0, softcap=None):
    """Return what token_logprobs must, by way of all logits."""
    logits = scale * (hidden @ weight.T if bias is None else hidden @ weight.T + bias)
    logits = logits if softcap is None else softcap * torch.tanh(logits / softcap)
    logps = (logits / temperature).log_softmax(dim=-1)
    probabilities = logps.exp()
    terms = torch.where(probabilities > 0, probabilities * logps.masked_fill(probabilities == 0, 0), 0)
    return logps.gather(1, targets[:, None])[:, 0], -terms.sum(dim=-1)


def inputs(dtype, tokens=40, width=16, vocabulary=103, seed=0):
    generator = torch.Generator().manual_seed(seed)
    hidden, weight = (torch.randn(n, width, generator=generator, dtype=dtype) for n in (tokens, vocabulary))
    bias = torch.randn(vocabulary, generator=generator, dtype=dtype)
    targets = torch.randint(vocabulary, (tokens,), generator=generator)
    upstream = torch.randn(2, tokens, generator=generator, dtype=dtype)
    return hidden.requires_grad_(), weight.requires_grad_(), bias.requires_grad_(), targets, upstream


@pytest.fixture(params=["whole", "one block", "single entries", "uneven blocks"])
def blocks(request, monkeypatch):
    """Make the vocabulary of 103 entries be walked through in each way."""
    width = {"whole": None, "one block": 103, "single entries": 1, "uneven blocks": 25}[request.param]
    if width:
        monkeypatch.setattr(logprobs, "SMALL_VOCABULARY", 0)
        monkeypatch.setattr(logprobs, "block_width", lambda *_: width)


@pytest.fixture(params=["called", "traced"])
def traced(request, monkeypatch):
    """Let blocks be computed as on a CPU, or by the graph that is compiled for a GPU, its operations one by one."""
    if request.param == "traced":
        torch.compiler.reset()
        for name in ("_absorb", "_pull"):
            graph = torch.compile(getattr(logprobs, name), dynamic=True, backend="aot_eager", fullgraph=True)
            monkeypatch.setattr(logprobs, name, graph)


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("head", [{}, {"scale": 1.7, "softcap": 4.0}])
@pytest.mark.parametrize("need_entropy", [False, True])
def test_the_graph_for_gpus_equals_the_plain_computation(monkeypatch, traced, with_bias, head, need_entropy):
    monkeypatch.setattr(logprobs, "SMALL_VOCABULARY", 0)
    monkeypatch.setattr(logprobs, "block_width", lambda *_: 25)
    for tokens in (40, 31):  # one graph for all sizes
        hidden, weight, bias, targets, upstream = inputs(torch.float64, tokens)
        bias = bias if with_bias else None
        leaves = [leaf for leaf in (hidden, weight, bias) if leaf is not None]
        found = token_logprobs(hidden, weight, targets, 0.6, need_entropy, bias, **head)[: 1 + need_entropy]
        expected = plain(hidden, weight, targets, 0.6, bias, **head)[: 1 + need_entropy]
        pulls = [
            torch.autograd.grad((torch.stack(one) * upstream[: len(one)]).sum(), leaves)
            for one in (found, expected)
        ]
        for one, other in zip((*found, *pulls[0]), (*expected, *pulls[1]), strict=True):
            torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("head", [{}, {"scale": 0.3}, {"softcap": 2.5}, {"scale": 1.7, "softcap": 4.0}])
def test_values_and_gradients_equal_the_plain_computation(blocks, dtype, temperature, with_bias, head):
    hidden, weight, bias, targets, upstream = inputs(dtype)
    bias = bias if with_bias else None
    leaves = [leaf for leaf in (hidden, weight, bias) if leaf is not None]
    found = token_logprobs(hidden, weight, targets, temperature, bias=bias, **head)
    expected = plain(hidden, weight, targets, temperature, bias, **head)
    gradients = torch.autograd.grad((torch.stack(found) * upstream).sum(), leaves)
    expected_gradients = torch.autograd.grad((torch.stack(expected) * upstream).sum(), leaves)
    for one, other in zip((*found, *gradients), (*expected, *expected_gradients), strict=True):
        assert one.dtype == dtype
        torch.testing.assert_close(one, other, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])


def test_gradients_agree_with_finite_differences(blocks):
    hidden, weight, bias, targets, _ = inputs(torch.float64, tokens=3, width=2, vocabulary=7)
    assert torch.autograd.gradcheck(
        lambda *leaves: token_logprobs(leaves[0], leaves[1], targets, 0.8, bias=leaves[2]),
        (hidden, weight, bias),
    )


def test_hand_computed_case(blocks):
    """One hidden unit of value 1, so the weights are the logits: ln 1, ln 2, ln 5 of a total of 8."""
    weight = torch.tensor([[1.0], [2.0], [5.0]], dtype=torch.float64).log()
    logp, entropy = token_logprobs(torch.ones(3, 1, dtype=torch.float64), weight, torch.tensor([0, 1, 2]))
    assert logp.tolist() == pytest.approx([math.log(1 / 8), math.log(2 / 8), math.log(5 / 8)])
    expected = -(1 / 8 * math.log(1 / 8) + 2 / 8 * math.log(2 / 8) + 5 / 8 * math.log(5 / 8))
    assert entropy.tolist() == pytest.approx([expected] * 3)


def test_without_entropy_the_rest_is_the_same(blocks):
    hidden, weight, _, targets, upstream = inputs(torch.float64)
    logp, entropy = token_logprobs(hidden, weight, targets, need_entropy=False)
    assert entropy is None
    expected, _ = plain(hidden, weight, targets)
    torch.testing.assert_close(logp, expected)
    gradients = torch.autograd.grad((logp * upstream[0]).sum(), (hidden, weight))
    torch.testing.assert_close(
        gradients, torch.autograd.grad((expected * upstream[0]).sum(), (hidden, weight))
    )


def test_tokens_of_zero_probability_count_for_nothing(blocks):
    """A bias of -inf on most of the vocabulary, whole blocks included, equals a vocabulary without them."""
    hidden, weight, bias, _, upstream = inputs(torch.float64)
    kept = torch.zeros(103, dtype=torch.bool)
    kept[[30, 31, 60, 102]] = True
    places = kept.nonzero()[:, 0]
    targets = torch.arange(40) % 4
    removed = torch.where(kept, bias, -torch.inf)
    found = token_logprobs(hidden, weight, places[targets], bias=removed)
    expected = plain(hidden, weight[kept], targets, bias=bias[kept])
    torch.testing.assert_close(found, expected)
    gradients = torch.autograd.grad((torch.stack(found) * upstream).sum(), (hidden, weight, bias))
    expected_gradients = torch.autograd.grad((torch.stack(expected) * upstream).sum(), (hidden, weight, bias))
    for one, other in zip(gradients, expected_gradients, strict=True):
        assert one.isfinite().all()
        torch.testing.assert_close(one, other)


def test_logits_of_any_size_stay_finite(blocks):
    """Logits of +-1e4 overflow an exponential that is not taken relative to the largest."""
    hidden = torch.tensor([[1e4], [-1e4]], requires_grad=True)
    weight = torch.linspace(-1, 1, 103)[:, None].requires_grad_()
    logp, entropy = token_logprobs(hidden, weight, torch.tensor([102, 102]))
    (logp + entropy).sum().backward()
    assert logp[0].item() == pytest.approx(0, abs=1e-6) and logp[1].item() == pytest.approx(-2e4)
    assert entropy.tolist() == pytest.approx([0, 0], abs=1e-6)
    assert hidden.grad.isfinite().all() and weight.grad.isfinite().all()


def test_bfloat16_input_is_summed_in_float32(blocks):
    hidden, weight, _, targets, upstream = inputs(torch.bfloat16)
    logp, entropy = token_logprobs(hidden, weight, targets)
    assert logp.dtype == entropy.dtype == torch.float32
    exact = plain(hidden.double(), weight.double(), targets)
    torch.testing.assert_close((logp.double(), entropy.double()), exact, atol=1e-5, rtol=1e-5)
    found = torch.autograd.grad(
        ((logp, entropy)[0] * upstream[0] + entropy * upstream[1]).sum(), (hidden, weight)
    )
    expected = torch.autograd.grad((torch.stack(exact) * upstream).sum(), (hidden, weight))
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.bfloat16
        torch.testing.assert_close(one, other, atol=2e-2, rtol=1e-2)  # bfloat16 itself holds 3 digits


def test_autocast_does_not_lower_the_precision(blocks):
    hidden, weight, _, targets, _ = inputs(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logp, _ = token_logprobs(hidden, weight, targets)
    torch.testing.assert_close(logp, plain(hidden, weight, targets)[0], atol=2e-5, rtol=2e-5)


def test_mixed_types_as_under_autocast(blocks):
    """16-bit hidden states meet float32 parameters: gradients come back in each one's own type."""
    hidden, weight, _, targets, _ = inputs(torch.float32)
    hidden = hidden.detach().bfloat16().requires_grad_()
    logp, entropy = token_logprobs(hidden, weight, targets)
    (logp.sum() + entropy.sum()).backward()
    assert hidden.grad.dtype == torch.bfloat16 and weight.grad.dtype == torch.float32
    torch.testing.assert_close(logp, plain(hidden.float(), weight, targets)[0], atol=1e-4, rtol=1e-4)


def test_only_asked_for_gradients_are_made(blocks):
    hidden, weight, _, targets, _ = inputs(torch.float64)
    logp, _ = token_logprobs(hidden, weight.detach(), targets)
    (gradient,) = torch.autograd.grad(logp.sum(), hidden)
    (expected,) = torch.autograd.grad(plain(hidden, weight, targets)[0].sum(), hidden)
    torch.testing.assert_close(gradient, expected)


def test_no_tokens(blocks):
    hidden, weight, _, _, _ = inputs(torch.float32)
    logp, entropy = token_logprobs(hidden[:0], weight, torch.zeros(0, dtype=torch.int64))
    (logp.sum() + entropy.sum()).backward()
    assert logp.shape == entropy.shape == (0,)
    assert weight.grad.abs().sum() == 0


@pytest.mark.parametrize("target", [-100, 103])
def test_a_target_outside_the_vocabulary_is_an_error(blocks, target):
    hidden, weight, _, targets, _ = inputs(torch.float32)
    targets[7] = target
    with pytest.raises(IndexError, match=r"targets must lie in \[0, 103\)"):
        token_logprobs(hidden, weight, targets)


def test_results_do_not_depend_on_how_many_tokens_go_together(blocks):
    hidden, weight, _, targets, _ = inputs(torch.float64)
    together = token_logprobs(hidden, weight, targets)
    halves = [token_logprobs(hidden[rows], weight, targets[rows]) for rows in (slice(0, 17), slice(17, 40))]
    for whole, parts in zip(together, zip(*halves, strict=True), strict=True):
        torch.testing.assert_close(whole, torch.cat(parts))


def test_no_tensor_of_tokens_times_vocabulary_is_made():
    """At 256 tokens and 65,536 entries the largest tensor is a block; the plain way's has 4 times that."""
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                largest = max(largest, result.numel())
            return result

    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(256, 4, generator=generator, requires_grad=True)
    weight = torch.randn(65536, 4, generator=generator, requires_grad=True)
    with Watch():
        logp, entropy = token_logprobs(hidden, weight, torch.arange(256))
        (logp.sum() + entropy.sum()).backward()
    assert largest == 256 * logprobs.block_width(256, False) == 256 * 65536 // 4


def test_blocks_are_wider_on_a_gpu():
    """By hand: 2^22 elements, 1,024 wide at least; on a GPU 16,384 wide where that is at most 2^26 elements."""
    tokens = (0, 256, 2048, 8192, 16384, 65536)
    assert [logprobs.block_width(n, False) for n in tokens] == [1 << 22, 16384, 2048, 1024, 1024, 1024]
    assert [logprobs.block_width(n, True) for n in tokens] == [1 << 22, 16384, 16384, 8192, 4096, 1024]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_on_a_gpu(dtype):
    hidden, weight, _, targets, upstream = inputs(dtype, tokens=64, width=64, vocabulary=50000)
    leaves = [leaf.detach().cuda().requires_grad_() for leaf in (hidden, weight)]
    found = token_logprobs(*leaves, targets.cuda())
    exact = plain(hidden.double(), weight.double(), targets)
    gradients = torch.autograd.grad((torch.stack(found) * upstream.cuda()).sum(), leaves)
    expected = torch.autograd.grad((torch.stack(exact) * upstream).sum(), (hidden, weight))
    torch.testing.assert_close(torch.stack(found).double().cpu(), torch.stack(exact), atol=1e-3, rtol=1e-3)
    for one, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one.double().cpu(), other.double(), atol=5e-2, rtol=2e-2)

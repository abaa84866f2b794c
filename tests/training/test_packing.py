"""Packed passes compute what padded ones do: every family, every method, every budget. Attention is PyTorch's, on a CPU."""

import inspect
from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from families import NAMES, by_name, make
from registry import METHODS, largest_bonus
from sent.config import Training
from sent.errors import SentError
from sent.models.architecture import attention_of
from sent.training import packing
from sent.training.policy import Policy, Sequences, recompute_activations
from sent.training.update import UpdateId, Updater
from tiny import batch, flat_groups, language_model
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

SIGNATURE = inspect.signature(varlen_attn)
NOT_TOLD = {"Falcon"}
"""Families whose layers do not hand on where packed sequences begin."""


def one_by_one(*args, **kwargs) -> torch.Tensor:
    """The same as PyTorch's kernel, by its plain attention of one sequence after the other, under the kernel's own signature."""
    call = SIGNATURE.bind(*args, **kwargs)
    call.apply_defaults()
    given = SimpleNamespace(**call.arguments)
    assert given.cu_seq_q.dtype == torch.int32 and given.max_q == given.cu_seq_q.diff().max()
    assert given.query.dtype == given.key.dtype == given.value.dtype
    left, right = given.window_size
    assert right == 0
    parts = []
    for start, stop in zip(given.cu_seq_q.tolist()[:-1], given.cu_seq_q.tolist()[1:], strict=True):
        q, k, v = (x[start:stop].transpose(0, 1) for x in (given.query, given.key, given.value))
        places = torch.arange(stop - start)
        behind = places[:, None] - places
        mask = (behind >= 0) & ((behind <= left) | (left < 0))
        parts.append(
            scaled_dot_product_attention(
                q[None], k[None], v[None], mask, scale=given.scale, enable_gqa=given.enable_gqa
            )[0]
        )
    return torch.cat(parts, dim=1).transpose(0, 1)


@pytest.fixture
def kernel(monkeypatch):
    """Attention for variable lengths where there is no GPU, its calls counted."""
    calls = []
    monkeypatch.setattr(packing, "varlen_attn", lambda *a, **k: calls.append(1) or one_by_one(*a, **k))
    AttentionInterface.register("sdpa", packing._attention)
    yield calls
    AttentionInterface.register("sdpa", sdpa_attention_forward)


def test_a_row_holds_sequences_one_after_the_other():
    found = batch().select([3, 0, 7])
    packed, padded = (Sequences.of(found, "cpu", is_packed) for is_packed in (True, False))
    lengths = [len(p) + n for p, n in zip(found.prompts, found.lengths, strict=True)]
    assert packed.ids.shape == (1, sum(lengths)) and packed.longest == max(lengths)
    assert packed.borders.diff().tolist() == lengths and packed.borders[0] == 0
    for number, length in enumerate(lengths):
        row = padded.ids[number, :length]
        assert torch.equal(packed.ids[0, packed.borders[number] : packed.borders[number + 1]], row)
    told = packed.apart()
    assert told["position_ids"][0].tolist() == [place for n in lengths for place in range(n)]
    assert packed.ids[packed.rows, packed.columns].tolist() == found.ids.tolist()
    assert padded.apart() == {}
    empty = Sequences.of(found.select([]), "cpu", True)
    assert empty.ids.tolist() == [[0]] and empty.borders.tolist() == [0, 1] and not len(empty.rows)


@pytest.mark.parametrize("family", NAMES)
def test_families_compute_the_same_or_are_refused(family, kernel):
    model = by_name(family)
    exact = family != "Mixtral"  # whose experts' kernel takes no float64
    if exact:
        model.double()
    policy = Policy(model)
    if family in NOT_TOLD or model.config._attn_implementation != "sdpa":
        with pytest.raises(SentError, match="does not tell its attention where packed sequences begin"):
            packing.check_packing(policy, "cpu")
        return
    packing.check_packing(policy, "cpu")
    found = batch(vocabulary=20)
    gradients = []
    for packed in (False, True):
        model.zero_grad()
        logp, entropy = policy(Sequences.of(found, "cpu", packed))
        (logp.square() + entropy).sum().backward()
        gradients.append([logp, entropy, *(p.grad for p in model.parameters() if p.grad is not None)])
    assert kernel
    for padded, packed in zip(*gradients, strict=True):
        torch.testing.assert_close(packed, padded, atol=1e-5 if exact else 1e-3, rtol=1e-5)


def after_update(method: str, mini_batch, packed: bool, update: int = 0, share: float = 0.0, **settings):
    """Return gradients, metrics and scores of one update."""
    accelerator = Accelerator(cpu=True)
    model = language_model()
    recompute_activations(model, share)
    policy = accelerator.prepare(Policy(model))
    optimizer = accelerator.prepare(torch.optim.SGD(policy.parameters(), lr=0.0))
    optimizer.zero_grad = lambda: None
    training = Training(
        prompts_per_step=2, minibatch_prompts=1, max_grad_norm=1e9, packing=packed, **settings
    )
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer)
    updater = Updater(accelerator, policy, optimizer, scheduler, METHODS[method], training)
    scores = updater.score(policy, mini_batch)
    figures = updater.update(mini_batch, UpdateId(0, 1, 1, update), largest_bonus(method))
    return {n: p.grad.clone() for n, p in policy.named_parameters()}, figures, scores


@pytest.mark.parametrize("method", METHODS)
def test_updates_are_the_same_for_every_method_and_budget(method, kernel):
    """With one micro-batch and with many; half of the groups flat, so that some responses are not passed at all."""
    expected, metrics, scores = after_update(method, flat_groups(), False)
    assert not kernel and max(g.abs().max().item() for g in expected.values()) > 1e-5
    for budget in (1, 40, 16384):
        calls = len(kernel)
        sizes = {"micro_batch_tokens": budget, "scoring_batch_tokens": budget}
        found, figures, values = after_update(method, flat_groups(), True, **sizes)
        assert len(kernel) > calls
        assert max((found[n] - expected[n]).abs().max().item() for n in expected) < 1e-6
        assert figures == pytest.approx(metrics, rel=1e-5, abs=1e-6)  # statistics are in float32
        assert all((a - b).abs().max() < 1e-6 for a, b in zip(values, scores, strict=True))


def test_a_recomputed_layer_is_told_again_and_later_updates_look_again(kernel):
    expected, *_ = after_update("sent", batch(), False, update=1)
    plain = len(kernel)
    found, *_ = after_update("sent", batch(), True, update=1, share=0.5, micro_batch_tokens=60)
    assert len(kernel) > plain
    assert max((found[n] - expected[n]).abs().max().item() for n in expected) < 1e-6


def test_where_it_cannot_be_is_one_error(monkeypatch):
    cpu = SimpleNamespace(device=torch.device("cpu"), mixed_precision="no")
    with pytest.raises(
        SentError, match=r"training\.packing: the kernels .* are for GPUs, and this is a cpu; set it to false"
    ):
        packing.attend_packed(cpu, "sdpa")
    card = SimpleNamespace(device=torch.device("cuda"), mixed_precision="bf16")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    with pytest.raises(SentError, match=r"need a GPU of compute capability 8\.0"):
        packing.attend_packed(card, "sdpa")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    own = attention_of(type(make("Gemma 2")), make("Gemma 2").config)
    with pytest.raises(SentError, match=r"this one computes its own \(eager\)"):
        packing.attend_packed(card, own)
    monkeypatch.setattr(packing, "varlen_attn", None)
    with pytest.raises(SentError, match=r"has no torch\.nn\.attention\.varlen"):
        packing.attend_packed(card, "sdpa")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
@pytest.mark.skipif(
    "enable_gqa" not in inspect.signature(varlen_attn).parameters, reason="PyTorch before 2.12"
)
def test_the_kernel_computes_what_padding_does():
    """In bfloat16, whose rounding the two ways share: log-probabilities, and the direction of the gradient."""
    AcceleratorState._reset_state(True)  # another test may have chosen its type
    accelerator = Accelerator(mixed_precision="bf16")
    packing.attend_packed(accelerator, "sdpa")
    try:
        model = language_model(head_dim=64).float()
        policy = accelerator.prepare(Policy(model))
        packing.check_packing(policy, accelerator.device)
        found = []
        for packed in (False, True):
            model.zero_grad()
            logp, entropy = policy(Sequences.of(batch(), accelerator.device, packed))
            (logp + 0.1 * entropy).sum().backward()
            found.append(
                (logp.detach(), entropy.detach(), torch.cat([p.grad.flatten() for p in model.parameters()]))
            )
        (logp, entropy, gradient), (logp_packed, entropy_packed, gradient_packed) = found
        assert (logp - logp_packed).abs().mean() < 0.03 and (entropy - entropy_packed).abs().mean() < 0.03
        assert torch.cosine_similarity(gradient, gradient_packed, dim=0) > 0.99
    finally:
        AttentionInterface.register("sdpa", sdpa_attention_forward)
        AcceleratorState._reset_state(True)

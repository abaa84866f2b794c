"""What waits in main memory: it moves when it is needed, and changes no bit of what comes out."""

from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator
from sent.config import Training
from sent.training.checkpoint import Checkpoints
from sent.training.offloaded_adamw import OffloadedAdamW
from sent.training.parallelism import Replicated
from sent.training.policy import Policy, Sequences
from sent.training.stage import make_optimizer
from test_checkpoint import Job, equal
from test_update import make
from tiny import batch, language_model
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

GPU = torch.device("cuda:0")
SHAPES = [(64, 8), (16,), (4, 4)]


class Moves(TorchDispatchMode):
    """Adds up the bytes that go to a GPU and come from it, and what of AdamW's state is there when it steps."""

    def __init__(self):
        super().__init__()
        self.sent, self.fetched, self.stepping = 0, 0, []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function is torch.ops.aten._to_copy.default and args[0].device != result.device:
            bytes_ = result.numel() * result.element_size()
            self.sent += bytes_ * result.is_cuda
            self.fetched += bytes_ * args[0].is_cuda
        if function is torch.ops.aten._fused_adamw_.default:
            moments = [*args[2], *args[3]]
            assert all(value.device == GPU for value in moments)
            self.stepping.append(sum(value.numel() for value in moments))
        return result


@pytest.mark.parametrize("offload", [[], ["optimizer"]])
def test_the_state_visits_the_gpu_a_weight_at_a_time(offload):
    """On a GPU that only pretends to be there: its tensors have devices and shapes, but no numbers."""
    settings = Training(offload=offload)
    with FakeTensorMode(), Moves() as moves:
        module = torch.nn.ParameterList(torch.ones(shape, device=GPU) for shape in SHAPES)
        optimizer = make_optimizer(module, settings)
        for _ in range(3):
            for weight in module:
                weight.grad = torch.ones_like(weight)
            optimizer.step()
            devices = {v.device.type for state in optimizer.state.values() for v in state.values()}
            assert devices == {"cpu" if offload else "cuda"}
    sizes = [torch.Size(shape).numel() for shape in SHAPES]
    each = [2 * size for size in sizes] if offload else [2 * sum(sizes)]
    assert moves.stepping == each * 3
    once = sum(8 * size + 4 for size in sizes)  # two moments and a count
    assert (moves.sent, moves.fetched) == ((2 * once, 3 * once) if offload else (0, 0))


def test_steps_have_the_bits_of_adamw_s():
    policies = [Policy(language_model().float()) for _ in range(2)]
    optimizers = [
        make_optimizer(policy, Training(lr=0.01, weight_decay=0.1, offload=offload))
        for policy, offload in zip(policies, ([], ["optimizer"]), strict=True)
    ]
    assert isinstance(optimizers[1], OffloadedAdamW)
    generator = torch.Generator().manual_seed(0)
    for step in range(4):
        for number, (a, b) in enumerate(zip(*(p.parameters() for p in policies), strict=True)):
            skipped = step == 1 and number == 2  # a weight without a gradient stays, with its count
            a.grad = None if skipped else torch.randn(a.shape, generator=generator)
            b.grad = None if skipped else a.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    for a, b in zip(*(p.parameters() for p in policies), strict=True):
        assert torch.equal(a, b)
        plain, waiting = (o.state[w] for o, w in zip(optimizers, (a, b), strict=True))
        assert plain.keys() == waiting.keys() and all(torch.equal(plain[k], waiting[k]) for k in plain)
    assert [len(optimizer.param_groups) for optimizer in optimizers] == [1, 1]


@pytest.mark.parametrize("first", [False, True])
def test_a_job_goes_on_with_or_without(first, tmp_path):
    """From the checkpoint of a job that did it the other way, to the bits of one that never stopped."""
    checkpoints, job = Checkpoints(tmp_path, "key", "code"), Job(offload=first)
    job.update(1)
    job.save(checkpoints, 1)
    expected = job.update(2)
    other = Job(offload=not first)
    assert other.resume(checkpoints) == 1
    assert equal(other.update(2), expected)


@pytest.mark.parametrize("offload", [False, True])
def test_a_reference_is_on_the_gpu_only_while_it_scores(offload, monkeypatch):
    updater, _ = make(scoring_batch_tokens=20)
    (expected,) = updater.score(Policy(language_model()), batch(), need_entropy=False)
    policy, events = Policy(language_model()), []
    forward = policy.forward

    def passing(*args):
        events.append("pass")
        return forward(*args)

    monkeypatch.setattr(policy, "to", lambda device: events.append(device) or policy)
    monkeypatch.setattr(policy, "forward", passing)
    parallelism = Replicated(SimpleNamespace(mixed_precision="no", device=GPU))
    reference = parallelism.prepare_frozen(policy, offload)
    for _ in range(2):
        (found,) = updater.score(reference, batch(), need_entropy=False)
        assert torch.equal(found, expected)
    passes = events.count("pass") // 2
    assert passes > 1
    visit = [*([GPU, "pass"] * passes), "cpu"]
    assert events == (visit * 2 if offload else [GPU, *(["pass"] * passes * 2)])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
def test_on_a_gpu_the_state_s_memory_is_free_between_steps():
    """16 weights of a million: weights and gradients stay, 8 bytes a weight of moments do not, and steps need one of them."""
    found = {}
    for offload in ([], ["optimizer"]):
        module = torch.nn.ParameterList(torch.ones(1 << 20, device=GPU) for _ in range(16))
        optimizer = make_optimizer(module, Training(lr=0.1, offload=offload))
        before = torch.cuda.memory_allocated()
        for step in range(2):
            for number, weight in enumerate(module):
                weight.grad = torch.full_like(weight, 0.1 * number + step)
            held = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            optimizer.step()
            peak = torch.cuda.max_memory_allocated() - held
            optimizer.zero_grad()
        found[bool(offload)] = (
            torch.cuda.memory_allocated() - before,
            peak,
            [w.detach().cpu() for w in module],
        )
        del optimizer, module
    million = 1 << 20
    assert found[False][0] == pytest.approx(16 * 8 * million, rel=0.01) and found[False][1] < million
    assert found[True][0] < million and found[True][1] == pytest.approx(8 * million, rel=0.1)
    assert all(torch.equal(*pair) for pair in zip(found[False][2], found[True][2], strict=True))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
def test_on_a_gpu_a_reference_s_memory_is_free_after_its_pass():
    parallelism = Replicated(Accelerator())
    policy = Policy(language_model(vocabulary=1 << 16).float())
    plain = Policy(language_model(vocabulary=1 << 16).float()).to(GPU)
    sequences = Sequences.of(batch(), GPU)
    before = torch.cuda.memory_allocated()
    reference = parallelism.prepare_frozen(policy, offload=True)
    assert torch.cuda.memory_allocated() == before
    with torch.no_grad():
        logp, _ = reference(sequences)
        assert torch.equal(logp, plain(sequences)[0])
    assert torch.cuda.memory_allocated() - before > 4 * (1 << 16) * 16
    del logp
    parallelism.put_back(reference)
    assert torch.cuda.memory_allocated() - before < 4 * (1 << 16)

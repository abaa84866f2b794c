"""A colocated vLLM engine: it sleeps, wakes, and samples from weights that it was handed. On a CPU by `make test-vllm`."""

import pytest
import torch
from sent.config import Decoding, Model, Vllm
from sent.sampling.sampler import Request
from tiny import save_embedded

pytestmark = pytest.mark.vllm

PROMPT = tuple(2 + i % 50 for i in range(20))
DECODING = Decoding(max_new_tokens=16)
SHARE = 0.6
"""Of the GPU's memory, for the engine when awake and for an update: together more than there is."""


@pytest.fixture
def settings(device, monkeypatch) -> Vllm:
    pytest.importorskip("vllm")
    if device == "cpu":
        if torch.cuda.is_available():
            pytest.skip("this vLLM is built for GPUs")
        monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        monkeypatch.setenv("TORCHDYNAMO_DISABLE", "1")
    share = {"cpu": 0.1, "cuda": SHARE}[device]
    return Vllm(gpu_memory_utilization=share, enforce_eager=True, max_model_len=64)


def largest_gap(folder, completions) -> float:
    """Return the largest difference of the engine's log-probabilities from those of the model in ``folder``."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    gaps = []
    for completion in completions:
        ids = torch.tensor([[*PROMPT, *completion.token_ids]])
        with torch.no_grad():
            logps = model(ids).logits[0, len(PROMPT) - 1 : -1].log_softmax(-1)
        told = logps.gather(1, torch.tensor(completion.token_ids)[:, None])[:, 0]
        gaps.append((told - torch.tensor(completion.logprobs)).abs().max().item())
    return max(gaps)


def test_new_weights_are_sampled_from_after_sleep(settings, device, tmp_path):
    from sent.sampling.vllm_sampler import VllmSampler
    from transformers import AutoModelForCausalLM

    for name, seed in (("old", 0), ("new", 5)):
        save_embedded(tmp_path / name, seed=seed, head_dim=32)
    model = Model(chat=False, prompt="{question}\n", dtype="float32")
    tolerance = {"cpu": 1e-4, "cuda": 5e-3}[device]  # attention on a GPU may multiply in 19-bit numbers
    requests = [Request("q", sample, PROMPT, 100 + sample) for sample in range(4)]
    engine = VllmSampler(tmp_path / "old", model, settings)
    assert largest_gap(tmp_path / "old", engine.sample(requests, DECODING)) < tolerance

    if device == "cuda":
        awake = torch.cuda.mem_get_info()[0]
    engine.sleep()
    if device == "cuda":
        freed = torch.cuda.mem_get_info()[0] - awake
        assert freed > SHARE / 2 * torch.cuda.mem_get_info()[1]
    old, new = (AutoModelForCausalLM.from_pretrained(tmp_path / name).to(device) for name in ("old", "new"))
    if device == "cuda":
        # What an update frees stays in torch's cache, so that the engine finds no room unless it is given back first.
        update = torch.empty(int(SHARE * torch.cuda.mem_get_info()[1]), dtype=torch.uint8, device=device)
        del update
        assert torch.cuda.memory_reserved() > 0.5 * torch.cuda.mem_get_info()[1]
    with engine.awake(old.state_dict().items()):
        assert largest_gap(tmp_path / "old", engine.sample(requests, DECODING)) < tolerance

    with engine.awake(new.state_dict().items()):  # weights that layers share under both names
        drawn = engine.sample(requests, DECODING)
    assert largest_gap(tmp_path / "new", drawn) < tolerance
    assert largest_gap(tmp_path / "old", drawn) > 0.1

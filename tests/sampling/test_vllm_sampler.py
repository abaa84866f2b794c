"""The vLLM engine on a CPU, against transformers. Run by `make test-vllm`."""

import pytest
import torch
from sent.config import Decoding, Model, Vllm
from sent.errors import SentError
from sent.sampling.sampler import requests_for
from sent.sampling.transformers_sampler import TransformersSampler

pytestmark = pytest.mark.vllm

MODEL = Model(chat=False, dtype="float32")
SETTINGS = Vllm(gpu_memory_utilization=0.1, enforce_eager=True, max_model_len=448, extra={"max_num_seqs": 31})
BLOCK = 128
"""Tokens that the engine caches together on a CPU."""


@pytest.fixture(scope="module", autouse=True)
def _cpu():
    pytest.importorskip("vllm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        patch.setenv("TORCHDYNAMO_DISABLE", "1")
        yield


@pytest.fixture(scope="module", params=["tied", "untied"])
def live(request, make_model):
    """A model that can change, as in training."""
    return make_model(
        2, head_dim=32, max_position_embeddings=512, tie_word_embeddings=request.param == "tied"
    )


@pytest.fixture(scope="module")
def engine(live, tokenizer, tmp_path_factory):
    from sent.sampling.vllm_sampler import VllmSampler

    folder = tmp_path_factory.mktemp("policy")
    live.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return VllmSampler(folder, MODEL, SETTINGS)


@pytest.fixture
def prompts():
    """Short prompts, and two that share more than one block of tokens."""
    shared = tuple(3 + i % 20 for i in range(2 * BLOCK + 5))
    return {"short": (3, 13, 4, 16), "one": (5,), "long": (*shared, 3), "longer": (*shared, 4, 5)}


def largest_error(model, requests, completions, temperature=1.0):
    """Largest difference of a completion's log-probabilities from those of one plain forward pass."""
    errors = []
    for request, completion in zip(requests, completions, strict=True):
        ids = torch.tensor([[*request.prompt_ids, *completion.token_ids]])
        with torch.no_grad():
            logits = model(ids).logits[0, len(request.prompt_ids) - 1 : -1] / temperature
        expected = logits.log_softmax(-1).gather(1, torch.tensor(completion.token_ids)[:, None])[:, 0]
        errors.append((expected - torch.tensor(completion.logprobs)).abs().max().item())
    return max(errors)


def test_log_probabilities_are_the_model_s(engine, live, prompts):
    requests = requests_for(prompts, 4, "test", 0)
    drawn = engine.sample(requests, Decoding(max_new_tokens=30))
    assert largest_error(live, requests, drawn) < 1e-4
    assert len({tuple(completion.token_ids) for completion in drawn}) > 12


def test_completions_end_as_those_of_transformers(engine, live, tokenizer, prompts):
    requests = requests_for(prompts, 1, "test", 0)
    decoding = Decoding(temperature=0, max_new_tokens=40)
    found = engine.sample(requests, decoding)
    expected = TransformersSampler(live, tokenizer).sample(requests, decoding)
    assert [c.token_ids for c in found] == [c.token_ids for c in expected]
    assert [c.finish_reason for c in found] == [c.finish_reason for c in expected]
    assert largest_error(live, requests, found) < 1e-4
    many = engine.sample(requests_for(prompts, 20, "end"), Decoding(max_new_tokens=40))
    for completion in many:
        assert (completion.token_ids[-1] == 1) == (completion.finish_reason == "stop")
    assert {completion.finish_reason for completion in many} == {"stop", "length"}


def test_the_seed_decides(engine, prompts):
    requests = requests_for(prompts, 3, "test", 0)
    decoding = Decoding(max_new_tokens=20)
    first = engine.sample(requests, decoding)
    assert [c.token_ids for c in engine.sample(requests[::-1], decoding)] == [
        c.token_ids for c in first[::-1]
    ]
    twins = requests_for({"a": (3, 4), "b": (3, 4)}, 4, "test")
    assert len({tuple(c.token_ids) for c in engine.sample(twins, decoding)}) > 4


def test_what_is_asked_at_once_decides(engine, live, prompts, monkeypatch):
    """Seeded a step at a time: nothing that was asked before counts, nor do the trainer's random numbers."""
    monkeypatch.setattr(engine, "seeded_each", False)
    decoding = Decoding(max_new_tokens=20)
    first, other = (requests_for(prompts, 3, "step", step) for step in (1, 2))
    torch.manual_seed(3)
    expected = torch.rand(4, generator=torch.Generator().manual_seed(3))
    drawn = [[c.token_ids for c in engine.sample(asked, decoding)] for asked in (first, other, first)]
    assert drawn[0] == drawn[2] != drawn[1]
    assert len({tuple(ids) for ids in drawn[0]}) > 6
    assert torch.equal(torch.rand(4), expected)
    assert largest_error(live, first, engine.sample(first, decoding)) < 1e-4


def test_further_options_reach_the_engine(engine):
    scheduler = engine.engine.llm_engine.vllm_config.scheduler_config
    assert scheduler.max_num_seqs == SETTINGS.extra["max_num_seqs"]


def test_new_weights_are_used_and_cached_prefixes_are_not(engine, live, prompts):
    decoding = Decoding(max_new_tokens=20)
    requests = requests_for(prompts, 4, "update", 0)
    for step in range(3):
        with torch.no_grad():
            for index, parameter in enumerate(live.parameters()):
                noise = torch.randn(
                    parameter.shape, generator=torch.Generator().manual_seed(100 * step + index)
                )
                parameter.add_(0.05 * noise)
        before = engine.sample(requests, decoding)
        assert largest_error(live, requests, before) > 0.01
        engine.update_weights(live.state_dict().items())
        after = engine.sample(requests, decoding)
        assert largest_error(live, requests, after) < 1e-4


def test_the_context_ends_a_response_and_bounds_a_prompt(engine):
    (found,) = engine.sample(
        requests_for({"q": (5,) * 440}, 1, "c"), Decoding(temperature=0, max_new_tokens=40)
    )
    assert len(found.token_ids) <= 8
    with pytest.raises(SentError, match="question q: its prompt has 448 tokens"):
        engine.sample(requests_for({"q": (5,) * 448}, 1, "c"), Decoding())


def test_temperatures(engine, live, tokenizer, tmp_path, prompts):
    from sent.sampling.vllm_sampler import VllmSampler

    requests = requests_for(prompts, 2, "warm")
    warm = Decoding(temperature=0.7, max_new_tokens=10)
    assert all(completion.logprobs == [] for completion in engine.sample(requests, warm))
    if live.config.tie_word_embeddings:
        return
    live.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    other = VllmSampler(tmp_path, MODEL, SETTINGS, temperature=0.7)
    assert largest_error(live, requests, other.sample(requests, warm), 0.7) < 1e-4


def test_a_folder_that_is_no_model(tmp_path):
    from sent.sampling.vllm_sampler import VllmSampler

    with pytest.raises(SentError, match="not a model folder"):
        VllmSampler(tmp_path, MODEL, SETTINGS)

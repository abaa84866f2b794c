"""The in-process sampler: right, and the same in any batch."""

import copy
from dataclasses import replace

import pytest
import torch
from families import NAMES, WINDOW, by_name, make
from sent.config import Decoding
from sent.errors import SentError
from sent.sampling.sampler import requests_for
from sent.sampling.transformers_sampler import TransformersSampler, check_against_plain

DECODING = Decoding(max_new_tokens=40)


@pytest.fixture(scope="module")
def requests(prompts):
    return requests_for(prompts, 4, "test", 0)


@pytest.fixture(scope="module")
def drawn(model, tokenizer, requests):
    return TransformersSampler(model, tokenizer).sample(requests, DECODING)


def recomputed(model, request, completion, temperature=1.0):
    """Log-probabilities of a completion by one plain forward pass."""
    ids = torch.tensor([[*request.prompt_ids, *completion.token_ids]])
    with torch.no_grad():
        logits = model(ids).logits[0, len(request.prompt_ids) - 1 : -1] / temperature
    return logits.log_softmax(-1).gather(1, torch.tensor(completion.token_ids)[:, None])[:, 0].tolist()


def test_log_probabilities_are_the_model_s(model, requests, drawn):
    for request, completion in zip(requests, drawn, strict=True):
        assert completion.logprobs == pytest.approx(recomputed(model, request, completion), abs=2e-5)


def test_completions_end_at_the_end_token_or_at_the_limit(drawn):
    assert {c.finish_reason for c in drawn} == {"stop", "length"}
    for completion in drawn:
        ends = [i for i, token in enumerate(completion.token_ids) if token == 1]
        if completion.finish_reason == "stop":
            assert ends == [len(completion.token_ids) - 1]
        else:
            assert ends == [] and len(completion.token_ids) == 40


@pytest.mark.parametrize("batch_tokens", [1, 300, 1100, 2500])
def test_any_batch_size_gives_the_same_bits(model, tokenizer, requests, drawn, batch_tokens):
    assert TransformersSampler(model, tokenizer, batch_tokens).sample(requests, DECODING) == drawn


def test_any_order_and_any_part_gives_the_same_bits(model, tokenizer, requests, drawn):
    sampler = TransformersSampler(model, tokenizer)
    assert sampler.sample(requests[::-1], DECODING) == drawn[::-1]
    assert sampler.sample(requests[50:53], DECODING) == drawn[50:53]
    assert sampler.sample([], DECODING) == []


@pytest.mark.parametrize(
    "changes", [{"tie_word_embeddings": False}, {"num_key_value_heads": 4}, {"head_dim": 24}]
)
def test_other_shapes_give_the_same_bits_in_any_batch(make_model, tokenizer, prompts, changes):
    model = make_model(1, **changes)
    requests = requests_for(prompts, 2, "shapes", 1)
    whole = TransformersSampler(model, tokenizer).sample(requests, DECODING)
    assert TransformersSampler(model, tokenizer, 700).sample(requests, DECODING) == whole


@pytest.mark.parametrize("family", NAMES)
def test_families_of_models_give_the_log_probabilities_of_one_plain_pass(tokenizer, prompts, family):
    model = by_name(family)
    requests = requests_for(prompts, 2, "family", 0)
    drawn = TransformersSampler(model, tokenizer).sample(requests, DECODING)
    assert max(len(completion.token_ids) for completion in drawn) > 2 * WINDOW
    for request, completion in zip(requests, drawn, strict=True):
        assert completion.logprobs == pytest.approx(recomputed(model, request, completion), abs=1e-5)
    if model.config._attn_implementation == "sdpa":
        assert TransformersSampler(model, tokenizer, 900).sample(requests, DECODING) == drawn


def test_a_window_is_seen(tokenizer, prompts):
    """Else the test above could pass by ignoring windows on both sides."""
    requests = requests_for(prompts, 1, "window", 0)
    model = make("Mistral")
    narrow = TransformersSampler(model, tokenizer).sample(requests, DECODING)
    model.config.sliding_window = 100
    wide = [recomputed(model, *pair) for pair in zip(requests, narrow, strict=True)]
    assert (
        max(
            abs(a - b)
            for c, row in zip(narrow, wide, strict=True)
            for a, b in zip(c.logprobs, row, strict=True)
        )
        > 0.1
    )


def test_a_window_that_the_family_does_not_declare_is_not_one(tokenizer):
    model = make("Llama")
    model.config.sliding_window = 3
    assert TransformersSampler(model, tokenizer).windows is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_log_probabilities_are_the_model_s_on_any_device(make_model, tokenizer, prompts, device, dtype):
    model = make_model(hidden_size=64, head_dim=32).to(device, dtype)
    requests = requests_for(prompts, 4, "gpu", 0)
    drawn = TransformersSampler(model, tokenizer, 1000).sample(requests, DECODING)
    differences = []
    for request, completion in zip(requests, drawn, strict=True):
        ids = torch.tensor([[*request.prompt_ids, *completion.token_ids]], device=device)
        with torch.no_grad():
            logits = model(ids).logits[0, len(request.prompt_ids) - 1 : -1].float().cpu()
        expected = logits.log_softmax(-1).gather(1, torch.tensor(completion.token_ids)[:, None])[:, 0]
        differences += (expected - torch.tensor(completion.logprobs)).abs().tolist()
    assert sum(differences) / len(differences) < (1e-4 if dtype == torch.float32 else 0.05)
    assert {completion.finish_reason for completion in drawn} == {"stop", "length"}


def test_the_number_of_threads_changes_nothing(model, tokenizer, requests, drawn):
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert TransformersSampler(model, tokenizer, 1200).sample(requests, DECODING) == drawn
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_greedy_decoding_equals_generate(model, tokenizer, requests):
    sampler = TransformersSampler(model, tokenizer)
    for request in requests[::20]:
        (found,) = sampler.sample([request], Decoding(temperature=0, max_new_tokens=30))
        prompt = torch.tensor([request.prompt_ids])
        expected = model.generate(prompt, do_sample=False, max_new_tokens=30, pad_token_id=0)
        assert found.token_ids == expected[0, len(request.prompt_ids) :].tolist()


def test_first_tokens_follow_the_model_s_distribution(model, tokenizer):
    prompt = (3, 13, 5)
    with torch.no_grad():
        expected = model(torch.tensor([prompt])).logits[0, -1].softmax(-1)
    requests = requests_for({"q": prompt}, 4000, "frequencies")
    drawn = TransformersSampler(model, tokenizer).sample(requests, Decoding(max_new_tokens=1))
    found = torch.bincount(torch.tensor([c.token_ids[0] for c in drawn]), minlength=len(expected)) / 4000
    # Five standard errors of a share
    assert ((found - expected).abs() < 5 * (expected * (1 - expected) / 4000).sqrt() + 1e-3).all()


def test_other_seeds_and_questions_draw_other_responses(model, tokenizer):
    same_prompt = requests_for({"a": (3, 4), "b": (3, 4)}, 3, "seed", 0) + requests_for(
        {"a": (3, 4)}, 3, "seed", 1
    )
    drawn = TransformersSampler(model, tokenizer).sample(same_prompt, DECODING)
    assert len({tuple(c.token_ids) for c in drawn}) == 9


def test_temperature_divides_the_logits(model, tokenizer, requests):
    some = requests[:20]
    drawn = TransformersSampler(model, tokenizer).sample(some, Decoding(temperature=0.7, max_new_tokens=20))
    for request, completion in zip(some, drawn, strict=True):
        assert completion.logprobs == pytest.approx(recomputed(model, request, completion, 0.7), abs=3e-5)


def test_a_live_model_keeps_its_mode_weights_and_gradients(make_model, tokenizer, requests):
    model = make_model(attention_dropout=0.5).train()
    sampler = TransformersSampler(model, tokenizer)
    first = sampler.sample(requests[:8], DECODING)
    assert model.training and all(p.requires_grad and p.grad is None for p in model.parameters())
    assert sampler.sample(requests[:8], DECODING) == first
    with torch.no_grad():
        model.model.embed_tokens.weight.mul_(1.5)
    assert sampler.sample(requests[:8], DECODING) != first


def test_several_end_tokens(make_model, tokenizer, requests):
    model = make_model()
    model.generation_config.eos_token_id = [1, 9]
    drawn = TransformersSampler(model, tokenizer).sample(requests, DECODING)
    assert {c.token_ids[-1] for c in drawn if c.finish_reason == "stop"} == {1, 9}


@pytest.mark.parametrize("stop", [["5"], ["1 2", "= ?"], ["\\\\boxed{ 3", "so"]])
def test_stop_strings_end_a_response_with_the_token_that_completes_them(
    model, tokenizer, requests, drawn, stop
):
    """The stream of tokens is the same, cut where its text first holds a stop string, in any batch."""
    decoding = Decoding(max_new_tokens=40, stop=stop)
    found = TransformersSampler(model, tokenizer).sample(requests, decoding)
    assert TransformersSampler(model, tokenizer, 900).sample(requests, decoding) == found
    stopped = 0
    for short, whole in zip(found, drawn, strict=True):
        texts = [
            tokenizer.decode(whole.token_ids[: i + 1], skip_special_tokens=True)
            for i in range(len(whole.token_ids))
        ]
        ends = [i for i, text in enumerate(texts) if any(string in text for string in stop)]
        size = ends[0] + 1 if ends else len(whole.token_ids)
        assert short.token_ids == whole.token_ids[:size]
        assert short.logprobs == pytest.approx(whole.logprobs[:size], abs=1e-5)
        assert short.finish_reason == ("stop" if ends else whole.finish_reason)
        stopped += bool(ends)
    assert 10 < stopped < len(drawn)


def test_the_context_ends_a_response(model, tokenizer):
    request = requests_for({"long": tuple([5] * 120)}, 1, "context")[0]
    found = [
        TransformersSampler(model, tokenizer).sample([replace(request, seed=seed)], DECODING)[0]
        for seed in range(40)
    ]
    assert max(len(c.token_ids) for c in found) == 8
    assert {c.finish_reason for c in found if len(c.token_ids) == 8} <= {"length", "stop"}


@pytest.mark.parametrize("length", [0, 128, 200])
def test_a_prompt_without_room_is_refused(model, tokenizer, length):
    requests = requests_for({"q7": tuple([5] * length)}, 1, "long")
    with pytest.raises(SentError, match=f"question q7: its prompt has {length} tokens.*context of 128"):
        TransformersSampler(model, tokenizer).sample(requests, DECODING)


def test_an_attention_that_leaves_out_capping_is_refused(tokenizer):
    model = make("Gemma 2")
    model.set_attn_implementation("sdpa")
    with pytest.raises(SentError, match="loaded with attention 'sdpa'; the transformers backend needs eager"):
        TransformersSampler(model, tokenizer)


def test_a_model_that_decodes_otherwise_than_it_reads_is_refused(tokenizer, make_model):
    model = make_model()
    sampler = TransformersSampler(model, tokenizer)
    check_against_plain(sampler)
    sampler.windows = 2
    with pytest.raises(SentError, match=r"differ from a plain forward pass .*\(qwen3\) is not supported"):
        check_against_plain(sampler)


def test_end_tokens_beyond_the_vocabulary_are_refused(make_model, tokenizer):
    model = make_model()
    model.generation_config.eos_token_id = [1, 5000]
    with pytest.raises(
        SentError,
        match=r"generation_config.json: 'eos_token_id': expected tokens below 24, found \[1, 5000\]",
    ):
        TransformersSampler(model, tokenizer)


def test_a_tokenizer_without_end_token_is_refused(make_model, tokenizer):
    model, other = make_model(), copy.deepcopy(tokenizer)
    model.generation_config.eos_token_id = None
    other.eos_token = None
    with pytest.raises(SentError, match="no end token"):
        TransformersSampler(model, other)

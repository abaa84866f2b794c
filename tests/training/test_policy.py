"""The policy's log-probabilities are those of the model's own logits."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from families import NAMES, by_name, make
from sent.config import Model
from sent.errors import SentError
from sent.sampling.sampler import Completion
from sent.training import logprobs
from sent.training import policy as policies
from sent.training.batch import Batch
from sent.training.parallelism import Replicated
from sent.training.policy import Policy, Sequences
from sent.training.rollout import Group, TrainingQuestion
from tiny import language_model, save_embedded
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

PROMPTS = [(5, 6, 7), (8,)]
RESPONSES = [[9, 10], [11, 12, 13, 1]]


def sequences_of(prompts, responses) -> Sequences:
    groups = [
        Group(
            i,
            TrainingQuestion("q", "1", prompt),
            [Completion(ids, [-1.0] * len(ids), "stop")],
            [""],
            [0.0],
            ["wrong"],
            np.zeros(1, dtype=np.float32),
        )
        for i, (prompt, ids) in enumerate(zip(prompts, responses, strict=True))
    ]
    return Sequences.of(Batch.of(groups), "cpu")


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_log_probabilities_and_entropies_are_those_of_the_logits(tied, temperature):
    model = language_model(tied=tied)
    sequences = sequences_of(PROMPTS, RESPONSES)
    logp, entropy = Policy(model, temperature)(sequences)
    assert logp.shape == entropy.shape == (6,)
    for row, (prompt, response) in enumerate(zip(PROMPTS, RESPONSES, strict=True)):
        whole = torch.tensor([[*prompt, *response]])
        plain = (model(input_ids=whole).logits[0] / temperature).log_softmax(-1)
        for t, token in enumerate(response):
            distribution = plain[len(prompt) + t - 1]
            assert logp[2 * row + t].item() == pytest.approx(distribution[token].item(), abs=1e-9)
            assert entropy[2 * row + t].item() == pytest.approx(
                -(distribution.exp() * distribution).sum().item(), abs=1e-9
            )


@pytest.mark.parametrize("tied", [True, False])
def test_a_frozen_policy_computes_as_the_trained_one_in_16_bits(tied):
    """To the bit, with half of the memory in its layers; one of 16 bits alone says something else."""
    sequences = sequences_of(PROMPTS, RESPONSES)
    trained, frozen, rounded = (Policy(language_model(tied=tied).float()) for _ in range(3))
    with torch.autocast("cpu", torch.bfloat16):
        expected, _ = trained(sequences)
    accelerator = SimpleNamespace(mixed_precision="bf16", device=torch.device("cpu"))
    found, _ = Replicated(accelerator).prepare_frozen(frozen)(sequences)
    assert torch.equal(found, expected)
    assert not torch.equal(rounded.to(torch.bfloat16)(sequences)[0].float(), expected)
    half = {name for name, value in frozen.named_parameters() if value.dtype == torch.bfloat16}
    assert len(half) == 2 * 7 and all(name.endswith("proj.weight") for name in half)


def test_only_the_model_sees_padding():
    sequences = sequences_of(PROMPTS, [[9], *RESPONSES[1:]])
    assert sequences.ids.tolist() == [[5, 6, 7, 9, 0], [8, 11, 12, 13, 1]]
    assert sequences.rows.tolist() == [0, 1, 1, 1, 1]
    assert sequences.columns.tolist() == [3, 1, 2, 3, 4]


def test_no_sequences_still_pass_through_the_model():
    policy = Policy(language_model())
    logp, entropy = policy(sequences_of([], []))
    assert logp.shape == entropy.shape == (0,)
    (logp.sum() + entropy.sum()).backward()
    assert all((p.grad == 0).all() for p in policy.parameters())


def test_a_model_that_scales_its_logits_is_refused():
    model = language_model()
    policies.check_head(Policy(model))
    plain = model.forward

    def scaled(*args, **kwargs):
        output = plain(*args, **kwargs)
        output.logits = 30 * torch.tanh(output.logits / 30 * 5)
        return output

    model.forward = scaled
    with pytest.raises(SentError, match="its logits are not those of its hidden states and its head"):
        policies.check_head(Policy(model))


@pytest.mark.parametrize("family", NAMES)
def test_families_of_models_train_on_the_log_probabilities_of_their_own_logits(family, monkeypatch):
    model = by_name(family)
    policies.check_head(Policy(model, 0.7))
    prompts, responses = [(5, 6, 7), tuple(range(2, 20))], [[9, 10, 3], [11, 12, 13, 4, 5, 6, 7, 8, 9, 1]]
    sequences = sequences_of(prompts, responses)

    def gradients(logp):
        model.zero_grad()
        (logp * torch.arange(1.0, 14)).sum().backward()
        return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    monkeypatch.setattr(logprobs, "SMALL_VOCABULARY", 0)
    monkeypatch.setattr(logprobs, "block_width", lambda *_: 7)
    ours, _ = Policy(model, 0.7)(sequences)
    plain = []
    for prompt, response in zip(prompts, responses, strict=True):
        ids = torch.tensor([[*prompt, *response]])
        logits = model(input_ids=ids).logits[0, len(prompt) - 1 : -1].float() / 0.7
        plain.append(logits.log_softmax(-1).gather(1, torch.tensor(response)[:, None])[:, 0])
    plain = torch.cat(plain)
    torch.testing.assert_close(ours, plain, atol=1e-5, rtol=1e-5)
    found, expected = gradients(ours), gradients(plain)
    assert found.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("family", ["OPT", "GPT-2", "Falcon", "Llama", "Granite"])
@pytest.mark.parametrize("recomputed", [False, True])
def test_dropout_is_off_while_training(family, recomputed):
    model = make(family, dropout=0.5)
    if recomputed:
        policies.recompute_activations(model)
    policy = Policy(model).train()
    sequences = sequences_of(PROMPTS, RESPONSES)
    first, _ = policy(sequences)
    policy.zero_grad()
    first.sum().backward()
    with torch.no_grad():
        assert policy(sequences)[0].equal(first.detach())
    plain = make(family)
    Policy(plain)(sequences)[0].sum().backward()
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize(
    ("share", "again"),
    [
        (0.01, {4}),
        (0.25, {1, 4}),
        (0.5, {0, 2, 4}),
        (0.51, {0, 1, 3, 4}),
        (1, set(range(6))),
        (True, set(range(6))),
    ],
)
def test_the_layers_asked_for_are_recomputed_and_gradients_stay(share, again):
    calls, found = {}, []
    for shares in (0, share):
        model = make("Llama", num_hidden_layers=6)
        for number, layer in enumerate(model.model.layers):
            calls[number] = 0
            layer.mlp.register_forward_pre_hook(lambda *_, n=number: calls.update({n: calls[n] + 1}))
        policies.recompute_activations(model, shares)
        logp, entropy = Policy(model).train()(sequences_of(PROMPTS, RESPONSES))
        assert set(calls.values()) == {1}
        (logp + entropy).sum().backward()
        assert calls == {number: 1 + (shares > 0 and number in again) for number in range(6)}
        found.append([logp, entropy, *(parameter.grad for parameter in model.parameters())])
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))


def test_parts_that_texts_do_not_pass_are_frozen(tmp_path):
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({f"w{i}": i for i in range(24)}, unk_token="w2")),
        eos_token="w1",
    )
    by_name("Gemma 3 with vision").save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model, _ = policies.load(tmp_path, Model(chat=False, dtype="float32"), torch.float32)
    frozen = {n.split(".")[1] for n, p in model.named_parameters() if not p.requires_grad}
    assert frozen == {"vision_tower", "multi_modal_projector"}


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(tmp_path):
    save_embedded(tmp_path / "model")
    entry = Model(chat=False, dtype="float32")
    policies.load(tmp_path / "model", entry, torch.float32)
    language_model(32).float().save_pretrained(tmp_path / "model")
    with pytest.raises(SentError, match="the model's vocabulary 32; they do not belong together"):
        policies.load(tmp_path / "model", entry, torch.float32)
    with pytest.raises(SentError, match="not a model folder"):
        policies.load(tmp_path, entry, torch.float32)

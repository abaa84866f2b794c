"""The policy's log-probabilities are those of the model's own logits."""

import pytest
import torch
from families import NAMES, by_name, make
from sent.config import Model
from sent.errors import SentError
from sent.training import logprobs
from sent.training import policy as policies
from sent.training.policy import Policy, Sequences
from tiny import language_model, save_embedded
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

PROMPTS = [(5, 6, 7), (8,)]
RESPONSES = [[9, 10], [11, 12, 13, 1]]


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_log_probabilities_and_entropies_are_those_of_the_logits(tied, temperature):
    model = language_model(tied=tied)
    sequences = Sequences.of(PROMPTS, RESPONSES, "cpu")
    logp, entropy = Policy(model, temperature)(sequences)
    assert logp.shape == entropy.shape == (2, 4)
    for row, (prompt, response) in enumerate(zip(PROMPTS, RESPONSES, strict=True)):
        whole = torch.tensor([[*prompt, *response]])
        plain = (model(input_ids=whole).logits[0] / temperature).log_softmax(-1)
        for t, token in enumerate(response):
            distribution = plain[len(prompt) + t - 1]
            assert logp[row, t].item() == pytest.approx(distribution[token].item(), abs=1e-9)
            assert entropy[row, t].item() == pytest.approx(
                -(distribution.exp() * distribution).sum().item(), abs=1e-9
            )
    assert logp[0, 2:].tolist() == [0, 0]


def test_the_mask_covers_the_responses():
    sequences = Sequences.of(PROMPTS, RESPONSES, "cpu")
    assert sequences.mask.tolist() == [[True, True, False, False], [True, True, True, True]]
    assert sequences.ids.tolist() == [[5, 6, 7, 9, 10], [8, 11, 12, 13, 1]]


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
    sequences = Sequences.of(
        [(5, 6, 7), tuple(range(2, 20))], [[9, 10, 3], [11, 12, 13, 4, 5, 6, 7, 8, 9, 1]], "cpu"
    )

    def gradients(logp):
        model.zero_grad()
        (logp * torch.arange(1.0, 11)).sum().backward()
        return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    monkeypatch.setattr(logprobs, "SMALL_VOCABULARY", 0)
    monkeypatch.setattr(logprobs, "MIN_BLOCK", 7)
    monkeypatch.setattr(logprobs, "BLOCK_ELEMENTS", 0)
    ours, _ = Policy(model, 0.7)(sequences)
    plain = torch.zeros_like(ours)
    for row in range(2):
        start, length = int(sequences.prompt_lengths[row]), int(sequences.response_lengths[row])
        ids = sequences.ids[row : row + 1, : start + length]
        logits = model(input_ids=ids).logits[0, start - 1 : -1].float() / 0.7
        plain[row, :length] = logits.log_softmax(-1).gather(1, ids[0, start:, None])[:, 0]
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
    sequences = Sequences.of(PROMPTS, RESPONSES, "cpu")
    first, _ = policy(sequences)
    policy.zero_grad()
    first.sum().backward()
    with torch.no_grad():
        assert policy(sequences)[0].equal(first.detach())
    plain = make(family)
    Policy(plain)(sequences)[0].sum().backward()
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_activations_are_recomputed():
    calls = []
    model = make("Llama")
    model.model.layers[1].mlp.register_forward_pre_hook(lambda *_: calls.append(1))
    policies.recompute_activations(model)
    logp, _ = Policy(model).train()(Sequences.of(PROMPTS, RESPONSES, "cpu"))
    assert len(calls) == 1
    logp.sum().backward()
    assert len(calls) == 2


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

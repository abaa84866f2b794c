"""The policy's log-probabilities are those of the model's own logits."""

import pytest
import torch
from sent.config import Model
from sent.errors import SentError
from sent.training import policy as policies
from sent.training.policy import Policy, Sequences
from tiny import language_model, save_embedded

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
    with pytest.raises(SentError, match="not a linear map of its hidden states"):
        policies.check_head(Policy(model))


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(tmp_path):
    save_embedded(tmp_path / "model")
    entry = Model(chat=False, dtype="float32")
    policies.load(tmp_path / "model", entry, torch.float32)
    language_model(32).float().save_pretrained(tmp_path / "model")
    with pytest.raises(SentError, match="the model's vocabulary 32; they do not belong together"):
        policies.load(tmp_path / "model", entry, torch.float32)
    with pytest.raises(SentError, match="not a model folder"):
        policies.load(tmp_path, entry, torch.float32)

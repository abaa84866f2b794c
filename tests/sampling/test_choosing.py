"""The next token, against distributions worked out by hand."""

import math

import pytest
import torch
from sent.config import Decoding
from sent.sampling.choosing import choose, invert, nucleus

P = torch.tensor([[0.1, 0.5, 0.0, 0.4]])


def draw(uniform, **decoding):
    tokens, logprobs = choose(P.log(), Decoding(**decoding), torch.tensor([uniform], dtype=torch.float64))
    return tokens.item(), logprobs.item()


def test_inversion_takes_the_token_in_whose_interval_the_number_lies():
    # Cumulative: 0.1, 0.6, 0.6, 1.0
    found = [draw(u)[0] for u in (0.0, 0.0999, 0.101, 0.5999, 0.601, 0.9999999999)]
    assert found == [0, 0, 1, 1, 3, 3]


def test_a_token_of_probability_zero_is_never_drawn():
    exact = torch.tensor([[0.0, 0.5, 0.0, 0.5, 0.0]])
    uniforms = torch.tensor([0.0, 0.25, 0.5, 1 - 2**-53], dtype=torch.float64)
    assert invert(exact.expand(4, -1), uniforms).tolist() == [1, 1, 3, 3]


def test_log_probabilities_are_at_the_temperature_and_before_the_filters():
    assert draw(0.3)[1] == pytest.approx(math.log(0.5))
    # At temperature 0.5 probabilities are squared: 0.01, 0.25, 0.16 of 0.42
    assert draw(0.3, temperature=0.5) == (1, pytest.approx(math.log(0.25 / 0.42)))
    assert draw(0.99, top_k=1) == (1, pytest.approx(math.log(0.5)))


def test_temperature_zero_takes_the_likeliest_and_the_first_of_equals():
    assert draw(0.0, temperature=0) == (1, pytest.approx(math.log(0.5)))
    tokens, _ = choose(torch.tensor([[1.0, 2.0, 2.0]]), Decoding(temperature=0), None)
    assert tokens.tolist() == [1]


@pytest.mark.parametrize(
    ("top_k", "top_p", "kept"),
    [
        (0, 1.0, [0.1, 0.5, 0.0, 0.4]),
        (1, 1.0, [0.0, 0.5, 0.0, 0.0]),
        (2, 1.0, [0.0, 0.5, 0.0, 0.4]),
        (0, 0.49, [0.0, 0.5, 0.0, 0.0]),
        (0, 0.51, [0.0, 0.5, 0.0, 0.4]),
        (0, 0.91, [0.1, 0.5, 0.0, 0.4]),
        # The share is of what top-k left: 0.5 of 0.9 is 0.56
        (2, 0.55, [0.0, 0.5, 0.0, 0.0]),
        (2, 0.56, [0.0, 0.5, 0.0, 0.4]),
        (9, 1.0, [0.1, 0.5, 0.0, 0.4]),
    ],
)
def test_filters(top_k, top_p, kept):
    assert nucleus(P, top_k, top_p).tolist() == [pytest.approx(kept)]


def test_frequencies_follow_the_probabilities():
    uniforms = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    tokens, _ = choose(P.log().expand(10_000, -1), Decoding(), uniforms)
    assert torch.bincount(tokens, minlength=4).tolist() == [1000, 5000, 0, 4000]

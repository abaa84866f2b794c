"""From logits to the next token."""

import torch

from sent.config import Decoding


def choose(
    logits: torch.Tensor, decoding: Decoding, uniforms: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the next tokens, int64 ``[B]``, and their log-probabilities, float32 ``[B]``.

    ``logits`` is ``[B, V]``; ``uniforms`` is ``[B]`` in [0, 1) and may be None when the temperature is 0
    (then the likeliest token is taken, the first of equals). Tokens are drawn by inversion of the
    cumulative distribution, so that a token depends on its row and its uniform number alone.
    Log-probabilities are at the decoding temperature, or at 1 when it is 0, before top-k and top-p.
    """
    scaled = logits.float() if decoding.temperature in (0, 1) else logits.float() / decoding.temperature
    logprobs = torch.log_softmax(scaled, dim=-1)
    if decoding.temperature == 0:
        tokens = logprobs.argmax(dim=-1)
    else:
        assert uniforms is not None
        probabilities = nucleus(logprobs.exp(), decoding.top_k, decoding.top_p)
        tokens = invert(probabilities, uniforms)
    return tokens, logprobs.gather(1, tokens[:, None])[:, 0]


def nucleus(probabilities: torch.Tensor, top_k: int, top_p: float) -> torch.Tensor:
    """Set all but the likeliest tokens of ``[B, V]`` to 0; the rest are not renormalised.

    First all but ``top_k`` go (0: none), then all but the fewest that hold a share ``top_p`` of what is left.
    """
    if 0 < top_k < probabilities.shape[1]:
        kept, index = probabilities.topk(top_k, dim=-1)
        probabilities = torch.zeros_like(probabilities).scatter_(1, index, kept)
    if top_p < 1:
        descending, index = probabilities.sort(dim=-1, descending=True, stable=True)
        before = descending.cumsum(dim=-1) - descending
        descending = descending.masked_fill(before >= top_p * descending.sum(dim=-1, keepdim=True), 0)
        probabilities = torch.zeros_like(probabilities).scatter_(1, index, descending)
    return probabilities


def invert(probabilities: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """Return for each row the first token whose cumulative probability exceeds ``uniforms`` times the total.

    Rows need not sum to 1; a token of probability 0 is never returned.
    """
    cumulative = probabilities.cumsum(dim=-1)
    total = cumulative[:, -1]
    target = (uniforms.to(torch.float64) * total).to(cumulative.dtype)
    below_total = torch.nextafter(total, torch.zeros_like(total))
    return torch.searchsorted(cumulative, torch.minimum(target, below_total)[:, None], right=True)[:, 0]

"""Log-probabilities and entropies from hidden states, without the logits of a whole vocabulary at once.

The vocabulary is walked through in blocks: the forward pass keeps running sums (online softmax), the backward
pass recomputes each block's logits. Memory is [tokens, block] instead of several times [tokens, vocabulary].
Sums are kept in float32, or float64 for float64 input.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from sent.training.head_blocks import block_width

SMALL_VOCABULARY = 4096
"""Up to this size nothing is gained by blocks, and recomputing would cost time."""

LOWEST = -1e30
"""Stands for the logarithm of a probability of zero where it is multiplied by that probability."""


def token_logprobs(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    temperature: float = 1.0,
    need_entropy: bool = True,
    bias: Tensor | None = None,
    scale: float = 1.0,
    softcap: float | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Return log-probabilities of ``targets`` and entropies of the distributions, both ``[N]``, in nats.

    ``hidden`` ``[N, D]`` and ``weight`` ``[V, D]`` (and ``bias`` ``[V]``) give logits; ``scale`` multiplies them,
    ``softcap`` c makes them c tanh(logits / c), ``temperature`` divides them. ``targets`` are int64 ``[N]`` in
    [0, V), else IndexError. Without ``need_entropy`` the entropy is None and costs nothing. Results are float32
    (float64 for float64 input) and differentiable in hidden, weight and bias. A bias of -inf takes a token out
    of the distribution, unless there is a softcap. Under autocast on a GPU the factors of the matrix products
    are rounded to its type, as a model's own head does; sums stay float32.
    """
    if targets.numel() and not 0 <= targets.min() <= targets.max() < len(weight):
        raise IndexError(f"targets must lie in [0, {len(weight)}), found {targets.min()} to {targets.max()}")
    compute = _whole if len(weight) <= SMALL_VOCABULARY else _TokenLogprobs.apply
    if hidden.is_cuda and torch.is_autocast_enabled("cuda"):
        hidden = hidden.to(torch.get_autocast_dtype("cuda"))
    with torch.autocast(hidden.device.type, enabled=False):
        shape = _Shape(float(scale), softcap, float(temperature))
        logp, entropy = compute(hidden, weight, bias, targets, shape, need_entropy)
    return logp, entropy if need_entropy else None


class _Shape(NamedTuple):
    """What becomes of the head's linear map ``x``: ``softcap * tanh(scale * x / softcap) / temperature``."""

    scale: float
    softcap: float | None
    temperature: float

    def apply(self, logits: Tensor, in_place: bool = False) -> Tensor:
        """Return the logits of the distribution."""
        linear = self.scale / (self.softcap or self.temperature)
        if linear != 1:
            logits = logits.mul_(linear) if in_place else logits * linear
        if self.softcap is None:
            return logits
        logits = logits.tanh_() if in_place else logits.tanh()
        return logits * (self.softcap / self.temperature)

    def slope(self, logits: Tensor) -> Tensor | None:
        """Return by what the capping multiplies a gradient, from the logits of the distribution."""
        if self.softcap is None:
            return None
        return 1 - (logits * (self.temperature / self.softcap)).square()


def _whole(hidden, weight, bias, targets, shape, need_entropy):
    """The same by plain operations, for small vocabularies."""
    kind = torch.promote_types(hidden.dtype, torch.float32)
    bias = None if bias is None else bias.to(kind)
    logits = torch.nn.functional.linear(hidden.to(kind), weight.to(kind), bias)
    logps = shape.apply(logits).log_softmax(dim=1)
    logp = logps.gather(1, targets[:, None])[:, 0]
    if not need_entropy:
        return logp, None
    finite = logps if bias is None else logps.clamp(min=LOWEST)
    return logp, -torch.linalg.vecdot(logps.exp(), finite)


class _TokenLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, weight, bias, targets, shape, need_entropy):
        n = len(hidden)
        factor = hidden.to(_factor_dtype(hidden))
        kind = torch.promote_types(hidden.dtype, torch.float32)
        base = hidden.new_full((n,), -torch.inf, dtype=kind)
        total, weighted, target_logit = (hidden.new_zeros(n, dtype=kind) for _ in range(3))
        for start, stop in _blocks(hidden, weight):
            logits = _logits(factor, weight, bias, shape, slice(start, stop))
            inside, place = _places(targets, start, stop)
            target_logit = torch.where(inside, logits.gather(1, place)[:, 0], target_logit)
            # Exponentials are taken relative to the largest logit so far; earlier sums move to that base.
            old, base = base, torch.maximum(base, logits.amax(dim=1))
            base = base.masked_fill(base == -torch.inf, 0)
            shrink = (old - base).exp()
            logits -= base[:, None]
            if need_entropy:
                exponentials = logits.exp()
                if bias is not None:
                    logits.clamp_(min=LOWEST)
                moved = torch.where(shrink > 0, weighted + (old - base) * total, 0)
                weighted = shrink * moved + torch.linalg.vecdot(exponentials, logits)
            else:
                exponentials = logits.exp_()
            total = shrink * total + exponentials.sum(dim=1)
            del logits, exponentials  # before the next block is made
        log_sum = base + total.log()
        entropy = total.log() - weighted / total
        ctx.save_for_backward(hidden, weight, bias, targets, log_sum, entropy)
        ctx.shape, ctx.need_entropy = shape, need_entropy
        return target_logit - log_sum, entropy

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_logp, grad_entropy):
        hidden, weight, bias, targets, log_sum, entropy = ctx.saved_tensors
        need_hidden, need_weight, need_bias = ctx.needs_input_grad[:3]
        factor = hidden.to(_factor_dtype(hidden))
        grad_hidden = torch.zeros_like(hidden, dtype=log_sum.dtype) if need_hidden else None
        grad_weight = torch.empty_like(weight) if need_weight else None
        grad_bias = torch.empty_like(bias) if need_bias else None
        # d logp / d logit = [target] - p;  d entropy / d logit = -p (log p + entropy)
        linear = ctx.shape.scale / ctx.shape.temperature
        grad_logp, slope = grad_logp * linear, -grad_entropy * linear
        level = slope * entropy - grad_logp if ctx.need_entropy else -grad_logp
        for start, stop in _blocks(hidden, weight):
            grad = _logits(factor, weight, bias, ctx.shape, slice(start, stop))
            capped = ctx.shape.slope(grad)
            grad -= log_sum[:, None]
            if ctx.need_entropy:
                probabilities = grad.exp()
                if bias is not None:
                    grad.clamp_(min=LOWEST)
                grad.mul_(slope[:, None]).add_(level[:, None]).mul_(probabilities)
            else:
                grad.exp_().mul_(level[:, None])
            inside, place = _places(targets, start, stop)
            grad.scatter_add_(1, place, torch.where(inside, grad_logp, 0)[:, None])
            if capped is not None:
                grad.mul_(capped)
            if need_bias:
                grad_bias[start:stop] = grad.sum(dim=0)
            grad = grad.to(factor.dtype)
            if need_hidden:
                grad_hidden += _product(grad, weight[start:stop].to(factor.dtype))
            if need_weight:
                grad_weight[start:stop] = _product(grad.t(), factor)
            grad = probabilities = None  # before the next block is made
        return grad_hidden.to(hidden.dtype) if need_hidden else None, grad_weight, grad_bias, None, None, None


def _blocks(hidden: Tensor, weight: Tensor) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of the vocabulary's blocks."""
    width, vocabulary = int(block_width(len(hidden), hidden.is_cuda)), len(weight)
    for start in range(0, vocabulary, width):
        yield start, min(start + width, vocabulary)


def _places(targets: Tensor, start: int, stop: int) -> tuple[Tensor, Tensor]:
    """Return which targets ``[N]`` lie in a block, and their columns there ``[N, 1]`` (any column for the
    rest).
    """
    inside = (targets >= start) & (targets < stop)
    return inside, (targets - start).clamp(0, stop - start - 1)[:, None]


def _logits(factor: Tensor, weight: Tensor, bias: Tensor | None, shape: _Shape, block: slice) -> Tensor:
    """Return the logits of a block of the vocabulary ``[N, block]``, in float32 (float64)."""
    logits = _product(factor, weight[block].to(factor.dtype).t())
    if bias is not None:
        logits += bias[block]
    return shape.apply(logits, in_place=True)


def _factor_dtype(hidden: Tensor) -> torch.dtype:
    """Type of the factors of matrix products: the input's; float32 for 16 bits where sums would have 16 bits,
    too.
    """
    return hidden.dtype if hidden.is_cuda else torch.promote_types(hidden.dtype, torch.float32)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Return the matrix product, summed and returned in float32 for 16-bit factors."""
    return torch.mm(a, b, out_dtype=torch.float32) if a.element_size() == 2 else a @ b

"""Log-probabilities and entropies from hidden states, without the logits of a whole vocabulary at once.

The vocabulary is walked through in blocks: the forward pass keeps running sums (online softmax), the backward
pass recomputes each block's logits. Memory is [tokens, block] instead of several times [tokens, vocabulary].
Sums are kept in float32, or float64 for float64 input. On a GPU a block's operations are compiled into one kernel or two.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sent.training.fusing import in_one_kernel
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


def _whole(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, shape: _Shape, need_entropy: bool
) -> tuple[Tensor, Tensor | None]:
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


class _Sums(NamedTuple):
    """What the forward pass keeps of the blocks so far, each ``[N]``."""

    base: Tensor
    """Largest logit."""
    total: Tensor
    """Sum of exp(logit - base)."""
    weighted: Tensor
    """Sum of exp(logit - base) (logit - base)."""
    target_logit: Tensor


class _TokenLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        shape: _Shape,
        need_entropy: bool,
    ) -> tuple[Tensor, Tensor]:
        factor = hidden.to(_factor_dtype(hidden))
        kind = torch.promote_types(hidden.dtype, torch.float32)
        base = hidden.new_full((len(hidden),), -torch.inf, dtype=kind)
        sums = _Sums(base, *(torch.zeros_like(base) for _ in range(3)))
        absorb = in_one_kernel(_absorb) if hidden.is_cuda else _absorb
        for _, block in _blocks(hidden, weight, bias, targets):
            sums = absorb(sums, factor, *block, shape, need_entropy)
        log_sum = sums.base + sums.total.log()
        entropy = sums.total.log() - sums.weighted / sums.total
        ctx.save_for_backward(hidden, weight, bias, targets, log_sum, entropy)
        ctx.shape, ctx.need_entropy = shape, need_entropy
        return sums.target_logit - log_sum, entropy

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_logp: Tensor, grad_entropy: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, bias, targets, log_sum, entropy = ctx.saved_tensors
        need_hidden, need_weight, need_bias = ctx.needs_input_grad[:3]
        factor = hidden.to(_factor_dtype(hidden))
        grad_hidden = torch.zeros_like(hidden, dtype=log_sum.dtype) if need_hidden else None
        grad_weight = torch.empty_like(weight) if need_weight else None
        grad_bias = torch.empty_like(bias) if need_bias else None
        # d logp / d logit = [target] - p;  d entropy / d logit = -p (log p + entropy)
        linear = ctx.shape.scale / ctx.shape.temperature
        grad_logp = grad_logp * linear
        slope = -grad_entropy * linear if ctx.need_entropy else None
        level = -grad_logp if slope is None else slope * entropy - grad_logp
        pull = in_one_kernel(_pull) if hidden.is_cuda else _pull
        for place, block in _blocks(hidden, weight, bias, targets):
            grad = pull(factor, *block, ctx.shape, log_sum, grad_logp, level, slope)
            if grad_bias is not None:
                grad_bias[place] = grad.sum(dim=0, dtype=log_sum.dtype)
            if grad_hidden is not None:
                grad_hidden += _product(grad, weight[place].to(factor.dtype))
            if grad_weight is not None:
                grad_weight[place] = _product(grad.t(), factor)
            del grad  # before the next block is made
        grad_hidden = None if grad_hidden is None else grad_hidden.to(hidden.dtype)
        return grad_hidden, grad_weight, grad_bias, None, None, None


def _absorb(
    sums: _Sums,
    factor: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    places: Tensor,
    shape: _Shape,
    need_entropy: bool,
) -> _Sums:
    """Return the sums with a block of the vocabulary in them. ``places`` are the targets' columns in it, outside too."""
    logits = _logits(factor, weight, bias, shape)
    inside, column = _columns(places, len(weight))
    target_logit = torch.where(inside, logits.gather(1, column)[:, 0], sums.target_logit)
    # Exponentials are taken relative to the largest logit so far; earlier sums move to that base.
    base = torch.maximum(sums.base, logits.amax(dim=1))
    base = base.masked_fill(base == -torch.inf, 0)
    shrink, weighted = (sums.base - base).exp(), sums.weighted
    logits -= base[:, None]
    if need_entropy:
        exponentials = logits.exp()
        if bias is not None:
            logits.clamp_(min=LOWEST)
        moved = torch.where(shrink > 0, weighted + (sums.base - base) * sums.total, 0)
        weighted = shrink * moved + torch.linalg.vecdot(exponentials, logits)
    else:
        exponentials = logits.exp_()
    return _Sums(base, shrink * sums.total + exponentials.sum(dim=1), weighted, target_logit)


def _pull(
    factor: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    places: Tensor,
    shape: _Shape,
    log_sum: Tensor,
    grad_logp: Tensor,
    level: Tensor,
    slope: Tensor | None,
) -> Tensor:
    """Return the gradient of a block's linear map ``[N, block]``, in the type of the factors."""
    grad = _logits(factor, weight, bias, shape)
    capped = shape.slope(grad)
    grad -= log_sum[:, None]
    if slope is not None:
        probabilities = grad.exp()
        if bias is not None:
            grad.clamp_(min=LOWEST)
        grad.mul_(slope[:, None]).add_(level[:, None]).mul_(probabilities)
    else:
        grad.exp_().mul_(level[:, None])
    if torch.compiler.is_compiling():  # a comparison is part of the kernel, a scattered sum is not
        columns = torch.arange(len(weight), device=places.device)
        grad += torch.where(columns == places[:, None], grad_logp[:, None], 0)
    else:
        inside, column = _columns(places, len(weight))
        grad.scatter_add_(1, column, torch.where(inside, grad_logp, 0)[:, None])
    if capped is not None:
        grad.mul_(capped)
    return grad.to(factor.dtype)


def _blocks(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor
) -> Iterator[tuple[slice, tuple[Tensor, Tensor | None, Tensor]]]:
    """Yield the vocabulary's blocks: where each is, its weights and bias, and the targets' columns in it, outside too."""
    width = int(block_width(len(hidden), hidden.is_cuda))
    for start in range(0, len(weight), width):
        place = slice(start, min(start + width, len(weight)))
        yield place, (weight[place], None if bias is None else bias[place], targets - start)


def _columns(places: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return which places ``[N]`` lie in a block, and their columns ``[N, 1]`` (any column for the rest)."""
    return (places >= 0) & (places < width), places.clamp(0, width - 1)[:, None]


def _logits(factor: Tensor, weight: Tensor, bias: Tensor | None, shape: _Shape) -> Tensor:
    """Return the logits of a block of the vocabulary ``[N, block]``, in float32 (float64)."""
    logits = _product(factor, weight.to(factor.dtype).t())
    if bias is not None:
        logits += bias
    return shape.apply(logits, in_place=True)


def _factor_dtype(hidden: Tensor) -> torch.dtype:
    """Type of the factors of matrix products: the input's; float32 for 16 bits where sums would have 16 bits,
    too.
    """
    return hidden.dtype if hidden.is_cuda else torch.promote_types(hidden.dtype, torch.float32)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Return the matrix product, summed and returned in float32 for 16-bit factors."""
    return torch.mm(a, b, out_dtype=torch.float32) if a.element_size() == 2 else a @ b

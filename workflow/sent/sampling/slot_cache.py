"""A key-value cache in which every sequence has a row and every token the column of its own position.

Sequences of unlike length share a batch without padding on the left: what is unused in a row is masked. A
sequence's numbers then lie in the same places, whatever it is batched with, and its arithmetic is the same to
the last bit (see docs/sampling.md).
"""

from typing import Any

import torch
from torch.nn.functional import pad
from transformers.cache_utils import Cache

Masks = torch.Tensor | dict[str, torch.Tensor]

COLUMNS = 16
"""Attention reads so many columns or a multiple: no vector register then mixes columns of use with none."""


def round_up(number: int, multiple: int) -> int:
    """Return the least multiple of ``multiple`` that is not below ``number``."""
    return -(-number // multiple) * multiple


class SlotCache(Cache):
    """Keys and values ``[rows, heads, columns, head size]`` a layer, and the attention masks over the columns.

    ``windows`` is :func:`sent.models.architecture.windows_of` the model: since a column is a position, a sliding
    window is a mask. The forward pass over the prompts fills the cache; :meth:`spread` then gives every sequence its
    row; every later pass appends one token to each of the first ``len(positions)`` rows, at ``positions``. Columns are
    added as they are needed: attention over a part of longer rows takes three times as long as over whole ones.
    """

    def __init__(self, windows: dict[str, int | None] | int | None = None):
        super().__init__(layers=[])
        self.windows = windows
        self.keys: list[torch.Tensor] = []
        self.values: list[torch.Tensor] = []
        self.masks: dict[int | None, torch.Tensor] = {}
        self.positions = self.rows = torch.zeros(0, dtype=torch.int64)

    def of_prompts(self, columns: int, dtype: torch.dtype, device: torch.device) -> Masks:
        """Return the causal masks ``[1, 1, columns, columns]`` of the pass over the prompts, windows cut off."""

        def mask(window: int | None) -> torch.Tensor:
            blocked = torch.full((columns, columns), torch.finfo(dtype).min, dtype=dtype, device=device)
            causal = blocked.triu(1)
            return (causal if window is None else causal + blocked.tril(-window))[None, None]

        return self._by_kind({window: mask(window) for window in self._distinct()})

    def spread(self, source: torch.Tensor, lengths: torch.Tensor) -> None:
        """Make row ``i`` a copy of prompt ``source[i]``, of which ``lengths[i]`` tokens count."""
        self.keys = [keys[source].contiguous() for keys in self.keys]
        self.values = [values[source].contiguous() for values in self.values]
        columns = torch.arange(self.keys[0].shape[2], device=lengths.device)[None, :]
        for window in self._distinct():
            blocked = columns >= lengths[:, None]
            if window is not None:
                blocked |= columns < lengths[:, None] - window
            mask = torch.zeros(blocked.shape, dtype=self.keys[0].dtype, device=lengths.device)
            self.masks[window] = mask.masked_fill_(blocked, torch.finfo(mask.dtype).min)
        self.positions = lengths.clone()
        self.rows = torch.arange(len(lengths), device=lengths.device)

    def open(self, columns: int) -> Masks:
        """Unmask each row's current column, mask what leaves its window; return masks ``[B, 1, 1, columns]``.

        Their number of columns is rounded up.
        """
        size = len(self.rows)
        missing = round_up(columns, COLUMNS) - next(iter(self.masks.values())).shape[1]
        if missing > 0:
            self.keys = [_widen(keys[:size], missing) for keys in self.keys]
            self.values = [_widen(values[:size], missing) for values in self.values]
        for window, mask in self.masks.items():
            lowest = torch.finfo(mask.dtype).min
            if missing > 0:
                mask = self.masks[window] = pad(mask[:size], (0, missing), value=lowest)
            mask[self.rows, self.positions] = 0
            if window is not None:
                left = self.positions - window
                column = left.clamp(min=0)
                mask[self.rows, column] = mask[self.rows, column].masked_fill(left >= 0, lowest)
        return self._by_kind({window: mask[:size, None, None, :] for window, mask in self.masks.items()})

    def _distinct(self) -> list[int | None]:
        return list(
            dict.fromkeys(self.windows.values() if isinstance(self.windows, dict) else [self.windows])
        )

    def _by_kind(self, masks: dict[int | None, torch.Tensor]) -> Masks:
        """What the model's forward pass takes: one mask, or one by kind of layer where kinds differ."""
        if not isinstance(self.windows, dict):
            return masks[self.windows]
        return {kind: masks[window] for kind, window in self.windows.items()}

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store one layer's new keys and values, return all of its; called by the model."""
        if not self.masks:  # the pass over the prompts
            self.keys.append(key_states)
            self.values.append(value_states)
            return key_states, value_states
        keys, values = self.keys[layer_idx], self.values[layer_idx]
        keys[self.rows, :, self.positions] = key_states[:, :, 0]
        values[self.rows, :, self.positions] = value_states[:, :, 0]
        return keys[: len(self.rows)], values[: len(self.rows)]

    def move(self, source: torch.Tensor, target: torch.Tensor, size: int) -> None:
        """Copy the rows ``source`` over the rows ``target``, then keep the first ``size`` rows."""
        for stored in (*self.keys, *self.values, *self.masks.values(), self.positions):
            stored[target] = stored[source]
        self.positions, self.rows = self.positions[:size], self.rows[:size]


def _widen(states: torch.Tensor, missing: int) -> torch.Tensor:
    """Add ``missing`` columns of zeros: what is not a number there would spoil a sum even if masked."""
    rows, heads, _, size = states.shape
    return torch.cat([states, states.new_zeros(rows, heads, missing, size)], dim=2)

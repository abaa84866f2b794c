"""A key-value cache in which every sequence has a row and every token the column of its own position.

Sequences of unlike length share a batch without padding on the left: what is unused in a row is masked. A
sequence's numbers then lie in the same places, whatever it is batched with, and its arithmetic is the same to
the last bit (see docs/sampling.md).
"""

import torch
from transformers.cache_utils import Cache

COLUMNS = 16
"""Attention reads so many columns or a multiple: no vector register then mixes columns of use with none."""


def round_up(number: int, multiple: int) -> int:
    """Return the least multiple of ``multiple`` that is not below ``number``."""
    return -(-number // multiple) * multiple


class SlotCache(Cache):
    """Keys and values ``[rows, heads, columns, head size]`` a layer, and the attention mask over the columns.

    The forward pass over the prompts fills it; :meth:`spread` then gives every sequence its row; every later
    pass appends one token to each of the first ``len(positions)`` rows, at ``positions``.
    """

    def __init__(self):
        super().__init__(layers=[])
        self.keys: list[torch.Tensor] = []
        self.values: list[torch.Tensor] = []
        self.mask: torch.Tensor | None = None
        self.positions: torch.Tensor | None = None
        self.rows: torch.Tensor | None = None
        self.width = 0

    def spread(self, source: torch.Tensor, lengths: torch.Tensor, columns: int) -> None:
        """Make row ``i`` a copy of prompt ``source[i]``, ``lengths[i]`` tokens, and room for ``columns``."""
        columns = round_up(columns, COLUMNS)
        self.keys = [_spread(keys, source, columns) for keys in self.keys]
        self.values = [_spread(values, source, columns) for values in self.values]
        blocked = torch.arange(columns, device=lengths.device)[None, :] >= lengths[:, None]
        dtype = self.keys[0].dtype
        self.mask = torch.zeros(blocked.shape, dtype=dtype, device=lengths.device)
        self.mask.masked_fill_(blocked, torch.finfo(dtype).min)
        self.positions = lengths.clone()
        self.rows = torch.arange(len(lengths), device=lengths.device)

    def open(self, columns: int) -> torch.Tensor:
        """Unmask each row's current column; return the mask ``[B, 1, 1, width]`` of ``columns`` or more."""
        self.width = round_up(columns, COLUMNS)
        self.mask[self.rows, self.positions] = 0
        return self.mask[: len(self.rows), None, None, : self.width]

    def update(self, key_states, value_states, layer_idx, *args, **kwargs):
        """Store one layer's new keys and values, return all of its; called by the model."""
        if self.positions is None:
            self.keys.append(key_states)
            self.values.append(value_states)
            return key_states, value_states
        keys, values = self.keys[layer_idx], self.values[layer_idx]
        keys[self.rows, :, self.positions] = key_states[:, :, 0]
        values[self.rows, :, self.positions] = value_states[:, :, 0]
        return keys[: len(self.rows), :, : self.width], values[: len(self.rows), :, : self.width]

    def move(self, source: torch.Tensor, target: torch.Tensor, size: int) -> None:
        """Copy the rows ``source`` over the rows ``target``, then keep the first ``size`` rows."""
        for stored in (*self.keys, *self.values):
            stored[target, :, : self.width] = stored[source, :, : self.width]
        self.mask[target] = self.mask[source]
        self.positions[target] = self.positions[source]
        self.positions, self.rows = self.positions[:size], self.rows[:size]


def _spread(states: torch.Tensor, source: torch.Tensor, columns: int) -> torch.Tensor:
    """Return zeros ``[len(source), heads, columns, head size]`` with the prompts' states at their head."""
    _, heads, read, size = states.shape
    spread = torch.zeros(len(source), heads, columns, size, dtype=states.dtype, device=states.device)
    spread[:, :, :read] = states[source]
    return spread

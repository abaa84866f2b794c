"""A key-value cache in which every sequence has a row and every token the column of its own position.

Sequences of unlike length share a batch without padding on the left: what is unused in a row is masked. A
sequence's numbers then lie in the same places, whatever it is batched with, and its arithmetic is the same to
the last bit (see docs/sampling.md).
"""

import torch
from torch.nn.functional import pad
from transformers.cache_utils import Cache

COLUMNS = 16
"""Attention reads so many columns or a multiple: no vector register then mixes columns of use with none."""


def round_up(number: int, multiple: int) -> int:
    """Return the least multiple of ``multiple`` that is not below ``number``."""
    return -(-number // multiple) * multiple


class SlotCache(Cache):
    """Keys and values ``[rows, heads, columns, head size]`` a layer, and the attention mask over the columns.

    The forward pass over the prompts fills it; :meth:`spread` then gives every sequence its row; every later
    pass appends one token to each of the first ``len(positions)`` rows, at ``positions``. Columns are added as
    they are needed: attention over a part of longer rows takes three times as long as over whole ones.
    """

    def __init__(self):
        super().__init__(layers=[])
        self.keys: list[torch.Tensor] = []
        self.values: list[torch.Tensor] = []
        self.mask: torch.Tensor | None = None
        self.positions: torch.Tensor | None = None
        self.rows: torch.Tensor | None = None

    def spread(self, source: torch.Tensor, lengths: torch.Tensor) -> None:
        """Make row ``i`` a copy of prompt ``source[i]``, of which ``lengths[i]`` tokens count."""
        self.keys = [keys[source].contiguous() for keys in self.keys]
        self.values = [values[source].contiguous() for values in self.values]
        blocked = torch.arange(self.keys[0].shape[2], device=lengths.device)[None, :] >= lengths[:, None]
        self.mask = torch.zeros(blocked.shape, dtype=self.keys[0].dtype, device=lengths.device)
        self.mask.masked_fill_(blocked, torch.finfo(self.mask.dtype).min)
        self.positions = lengths.clone()
        self.rows = torch.arange(len(lengths), device=lengths.device)

    def open(self, columns: int) -> torch.Tensor:
        """Unmask each row's current column; return the mask ``[B, 1, 1, columns]``, rounded up."""
        size = len(self.rows)
        missing = round_up(columns, COLUMNS) - self.mask.shape[1]
        if missing > 0:
            self.keys = [_widen(keys[:size], missing) for keys in self.keys]
            self.values = [_widen(values[:size], missing) for values in self.values]
            self.mask = pad(self.mask[:size], (0, missing), value=torch.finfo(self.mask.dtype).min)
        self.mask[self.rows, self.positions] = 0
        return self.mask[:size, None, None, :]

    def update(self, key_states, value_states, layer_idx, *args, **kwargs):
        """Store one layer's new keys and values, return all of its; called by the model."""
        if self.positions is None:
            self.keys.append(key_states)
            self.values.append(value_states)
            return key_states, value_states
        keys, values = self.keys[layer_idx], self.values[layer_idx]
        keys[self.rows, :, self.positions] = key_states[:, :, 0]
        values[self.rows, :, self.positions] = value_states[:, :, 0]
        return keys[: len(self.rows)], values[: len(self.rows)]

    def move(self, source: torch.Tensor, target: torch.Tensor, size: int) -> None:
        """Copy the rows ``source`` over the rows ``target``, then keep the first ``size`` rows."""
        for stored in (*self.keys, *self.values, self.mask, self.positions):
            stored[target] = stored[source]
        self.positions, self.rows = self.positions[:size], self.rows[:size]


def _widen(states: torch.Tensor, missing: int) -> torch.Tensor:
    """Add ``missing`` columns of zeros: what is not a number there would spoil a sum even if masked."""
    rows, heads, _, size = states.shape
    return torch.cat([states, states.new_zeros(rows, heads, missing, size)], dim=2)

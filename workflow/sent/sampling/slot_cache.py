"""A key-value cache in which every sequence has a row and every token the column of its own position.

Sequences of unlike length share a batch without padding on the left: what is unused in a row is masked. A
sequence's numbers then lie in the same places, whatever it is batched with, and its arithmetic is the same to
the last bit (see docs/sampling.md).
"""

import torch
from torch.nn.functional import pad
from transformers.cache_utils import Cache

COLUMNS = 16
"""Rows grow by so many columns, a multiple of any vector register's width in floats."""


def round_up(number: int, multiple: int) -> int:
    """Return the least multiple of ``multiple`` that is not below ``number``."""
    return -(-number // multiple) * multiple


class SlotCache(Cache):
    """Keys and values ``[B, heads, columns, head size]`` a layer, and the attention mask over the columns.

    Used in two phases: the forward pass over the prompts fills it (:meth:`prefilled` then lays out the rows),
    after which every pass appends one token a row, at ``positions``.
    """

    def __init__(self):
        super().__init__(layers=[])
        self.keys: list[torch.Tensor] = []
        self.values: list[torch.Tensor] = []
        self.mask: torch.Tensor | None = None
        self.rows: torch.Tensor | None = None
        self.positions: torch.Tensor | None = None

    def prefilled(self, source: torch.Tensor, lengths: torch.Tensor, dtype: torch.dtype) -> None:
        """Make row ``i`` a copy of prompt ``source[i]`` with ``lengths[i]`` cached tokens; both int64 ``[B]``."""
        self.keys = [keys[source] for keys in self.keys]
        self.values = [values[source] for values in self.values]
        columns = self.keys[0].shape[2] if self.keys else 0
        blocked = torch.arange(columns, device=lengths.device)[None, :] >= lengths[:, None]
        self.mask = torch.zeros(blocked.shape, dtype=dtype, device=lengths.device)
        self.mask.masked_fill_(blocked, torch.finfo(dtype).min)
        self.rows = torch.arange(len(lengths), device=lengths.device)
        self.positions = lengths.clone()

    def open(self, columns: int) -> torch.Tensor:
        """Make room for ``columns`` columns, unmask each row's current one, return the mask ``[B, 1, 1, columns]``."""
        missing = round_up(columns, COLUMNS) - self.mask.shape[1]
        if missing > 0:
            self.mask = pad(self.mask, (0, missing), value=torch.finfo(self.mask.dtype).min)
            self.keys = [pad(keys, (0, 0, 0, missing)) for keys in self.keys]
            self.values = [pad(values, (0, 0, 0, missing)) for values in self.values]
        self.mask[self.rows, self.positions] = 0
        return self.mask[:, None, None, :]

    def update(self, key_states, value_states, layer_idx, *args, **kwargs):
        """Store one layer's new keys and values, return all of its; called by the model."""
        if self.positions is None:
            self.keys.append(key_states)
            self.values.append(value_states)
            return key_states, value_states
        keys, values = self.keys[layer_idx], self.values[layer_idx]
        keys[self.rows, :, self.positions] = key_states[:, :, 0]
        values[self.rows, :, self.positions] = value_states[:, :, 0]
        return keys, values

    def keep(self, rows: torch.Tensor) -> None:
        """Keep only ``rows`` (int64), in that order."""
        self.keys = [keys[rows] for keys in self.keys]
        self.values = [values[rows] for values in self.values]
        self.mask = self.mask[rows]
        self.positions = self.positions[rows]
        self.rows = self.rows[: len(rows)]

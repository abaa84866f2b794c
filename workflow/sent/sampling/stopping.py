"""Which responses have reached a stop string, while they are drawn."""

from collections.abc import Sequence
from typing import Any

import torch

MARGIN = 8
"""Tokens decoded beyond those that a stop string can be made of: the first ones may lose a space before them."""


class Stopper:
    """Finds stop strings in the text of tokens as it is decoded, wherever tokens cut it."""

    def __init__(self, tokenizer: Any, stop: Sequence[str], vocabulary: int, device: torch.device):
        self.tokenizer, self.stop = tokenizer, tuple(stop)
        self.window = 4 * max(map(len, stop), default=0) + MARGIN  # a character takes at most four tokens
        self.may_end = torch.zeros(vocabulary, dtype=torch.bool, device=device)
        if stop:
            lasts = {string[-1] for string in stop}
            pieces = tokenizer.batch_decode([[token] for token in range(min(vocabulary, len(tokenizer)))])
            # Bytes that are no character of their own may complete one.
            ends = [i for i, piece in enumerate(pieces) if "\ufffd" in piece or lasts & set(piece)]
            ends += [i for i, piece in enumerate(pieces) if not piece.strip()]
            self.may_end[sorted(set(ends))] = True

    def reached(
        self, current: torch.Tensor, alive: torch.Tensor, tokens: torch.Tensor, slots: torch.Tensor
    ) -> torch.Tensor:
        """Return which rows' last token completes a stop string, bool ``[B]``.

        ``current`` are the last tokens and ``alive`` the rows that count, ``[B]``; row i's response so far is
        column ``slots[i]`` of ``tokens`` ``[steps, sequences]``.
        """
        found = torch.zeros_like(alive)
        if not self.stop:
            return found
        rows = torch.nonzero(alive & self.may_end[current])[:, 0]
        drawn = tokens[-self.window :, slots[rows]].T.tolist()
        texts = self.tokenizer.batch_decode(drawn, skip_special_tokens=True)
        found[rows] = torch.tensor(
            [any(string in text for string in self.stop) for text in texts],
            dtype=torch.bool,
            device=found.device,
        )
        return found

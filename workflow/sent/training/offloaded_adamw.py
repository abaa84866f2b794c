"""AdamW whose state waits in main memory."""

from typing import Any

import torch

from sent.training.pieces import like, own


class OffloadedAdamW(torch.optim.AdamW):
    """AdamW that takes the state of one weight after the other to the weight's device, for its step there.

    Weights and gradients stay where they are and the same kernel computes, so that weights and state have the bits of
    AdamW's. Of a split weight the state is that of this process's piece.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Step once; ``closure`` is for the interface alone."""
        groups = self.param_groups
        try:
            for group in groups:
                for weight in group["params"]:
                    if weight.grad is None:
                        continue
                    self.param_groups = [{**group, "params": [weight]}]
                    self.state[weight] = {
                        key: like(weight, value) for key, value in self.state[weight].items()
                    }
                    super().step()
                    self.state[weight] = {key: own(value).cpu() for key, value in self.state[weight].items()}
        finally:
            self.param_groups = groups

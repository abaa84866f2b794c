"""Which layers keep their activations for the backward pass, and which compute them again. No torch: plans count them, too."""

import math


def keeping(share: float, layers: int) -> list[bool]:
    """Return for each layer whether it keeps its activations, where a ``share`` of them, rounded up, computes them again.

    Those that keep theirs are spread evenly, the last layer being the first of them: its activations are free again
    when the first layer is recomputed.
    """
    kept = layers - math.ceil(share * layers - 1e-9)  # 0.07 * 100 is 7.000000000000001
    return [layer * kept % layers < kept for layer in reversed(range(layers))]

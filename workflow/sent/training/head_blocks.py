"""The width of the blocks in which log-probabilities walk through a vocabulary. No torch: plans count their bytes, too."""

BLOCK_ELEMENTS = 1 << 22
"""Elements of a block of logits that are kept to, where that is not too narrow: 16 MB in float32."""

NARROWEST = 1024
"""Fewest vocabulary entries in a block: narrower matrix products would waste the machine."""

GPU_BLOCK_ELEMENTS, GPU_WIDEST = 1 << 26, 16384
"""On a GPU wider blocks, up to 256 MB, take half the time or less (benchmarks/RESULTS.md); beyond that little is gained."""


def block_width(tokens: float, on_gpu: bool) -> float:
    """Return the vocabulary entries of a block for so many tokens."""
    tokens = max(1, tokens)
    width = max(NARROWEST, BLOCK_ELEMENTS // tokens)
    return max(width, min(GPU_WIDEST, GPU_BLOCK_ELEMENTS // tokens)) if on_gpu else width

"""An entailment model in 16 bits: close calls are made in float32, so that no label depends on rounding."""

import numpy as np
import pytest
from sent.semantic_entropy.entailment.scorer import Scorer

NUMBERS = [str(n) for n in range(1, 13)]
PAIRS = [(one, other) for one in NUMBERS for other in NUMBERS]


@pytest.mark.parametrize("scale", [1.0, 30.0], ids=["close calls", "clear calls"])
def test_labels_of_bfloat16_are_those_of_float32(tiny_nli, device, scale):
    folder = tiny_nli(scale=scale)
    exact = Scorer(folder, "cpu", "float32").score(PAIRS)
    half = Scorer(folder, device, "bfloat16").score(PAIRS)
    assert (half.probabilities.argmax(axis=1) == exact.probabilities.argmax(axis=1)).all()
    ordered = np.sort(exact.probabilities, axis=1)
    close = ordered[:, 2] - ordered[:, 1] < 0.05  # well inside the margin within which pairs are scored again
    assert half.rescored >= close.sum()
    if scale == 1.0:
        assert close.any()
    np.testing.assert_allclose(half.probabilities[close], exact.probabilities[close], atol=1e-4)
    # The others keep their 16-bit scores: they were not all scored twice.
    assert half.rescored < len(PAIRS) or scale == 1.0

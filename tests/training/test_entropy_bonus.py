"""The controller of the entropy bonus, by hand."""

import pytest
from sent.config import EntropyController, Method
from sent.training.entropy_bonus import entropy_bonus

CONTROLLER = EntropyController(target=0.2, step=0.25, max=0.5)


def followed(measured: list[float], entropy=CONTROLLER) -> tuple[list[float], float]:
    """Return the coefficients of steps whose rollouts have these entropies, and the level at the end."""
    level, applied = 0.0, []
    for value in measured:
        coefficient, level = entropy_bonus(entropy, level, value)
        applied.append(coefficient)
    return applied, level


@pytest.mark.parametrize(
    ("measured", "applied", "level"),
    [
        ([0.1, 0.1, 0.1, 0.1], [0, 0.25, 0.5, 0.5], 0.5),
        ([0.3, 0.3], [0, 0], 0),
        ([0.1, 0.1, 0.3, 0.1], [0, 0.25, 0, 0.25], 0.5),
        ([0.1, 0.1, 0.2], [0, 0.25, 0], 0.25),  # the target itself is not below it
        ([], [], 0),
    ],
)
def test_by_hand(measured, applied, level):
    """A step applies the level that it finds, or nothing at the target and above; then the level moves."""
    assert followed(measured) == (applied, level)


def test_a_plain_coefficient_stays():
    assert followed([0.1, 0.9], Method(entropy=0.25).entropy) == ([0.25, 0.25], 0.0)

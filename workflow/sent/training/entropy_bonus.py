"""The coefficient of the entropy bonus, from step to step."""

from sent.config import EntropyController


def entropy_bonus(entropy: float | EntropyController, level: float, measured: float) -> tuple[float, float]:
    """Return the coefficient of this step's bonus, and the controller's level for the next step.

    ``measured`` is the mean token entropy of this step's rollout, nats. A controller applies its ``level`` while that is
    below its target, and then moves it by a step, up below the target and else down, within [0, max] (Skywork-OR1,
    He et al. 2025). The first level is 0.
    """
    if not isinstance(entropy, EntropyController):
        return entropy, level
    is_below = measured < entropy.target
    moved = level + (entropy.step if is_below else -entropy.step)
    return level if is_below else 0.0, min(entropy.max, max(0.0, moved))

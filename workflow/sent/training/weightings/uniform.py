"""Every token counts alike."""

from sent.training.selection import Choice, Tokens


def uniform(tokens: Tokens) -> Choice:
    """Change nothing (GRPO, Shao et al. 2024)."""
    return Choice()

"""GRPO: every token counts alike."""

from sent.training.selection import Choice, Tokens


def grpo(tokens: Tokens) -> Choice:
    """Change nothing (Shao et al. 2024)."""
    return Choice()

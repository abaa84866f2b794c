"""SENT: semantic and token entropy for reinforcement learning with verifiable rewards (arXiv 2512.04359)."""

__version__ = "0.1.0"

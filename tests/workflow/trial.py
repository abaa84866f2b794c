"""A small experiment of the embedded models, for tests of what is read from it."""


def experiment(**changes) -> dict:
    """Return its keys and values, with some changed."""
    return {
        "experiment": "trial",
        "models": ["nano-small", "nano-large"],
        "methods": ["base", "grpo", "sent"],
        "benchmarks": ["chain"],
        "data": {"train": {"generator": {"families": ["chain"]}}},
        "semantic_entropy": {"nli_model": "nano-nli"},
        **changes,
    }

"""Questions of the package reasoning-gym, made by seed: no download. Its verifiers: :mod:`sent.grading.verifier`."""

from collections.abc import Iterator
from typing import Any

from sent.config import ReasoningGym
from sent.errors import SentError


def generate(settings: ReasoningGym) -> Iterator[dict]:
    """Yield `id` (family-seed-number), `question`, `answer` and `group` (the family), the families taking turns.

    Raises :class:`SentError` without the package, and for options that a family refuses.
    """
    try:
        import reasoning_gym
    except ImportError as error:
        raise SentError(
            f"reasoning_gym: the package cannot be imported ({error}); pip install 'sent-rlvr[reasoning]'"
        ) from None
    families = list(settings.families)
    size = -(-settings.count // len(families))
    made = {
        name: _dataset(reasoning_gym, name, options, settings.seed, size)
        for name, options in settings.families.items()
    }
    for number in range(settings.count):
        name = families[number % len(families)]
        index = number // len(families)
        entry = made[name][index]
        yield {
            "id": f"{name}-{settings.seed}-{index}",
            "question": entry["question"],
            "answer": str(entry["answer"]),
            "group": name,
        }


def _dataset(package: Any, name: str, options: dict, seed: int, size: int) -> Any:
    try:
        return package.create_dataset(name, **{**options, "seed": seed, "size": size})
    except (AssertionError, TypeError, ValueError) as error:
        raise SentError(f"reasoning_gym: {name}: its options {options} do not fit: {error}") from None

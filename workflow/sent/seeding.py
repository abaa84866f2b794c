"""Randomness by name: every random number is a function of what it is for, never of the order of work."""

import hashlib

import numpy as np


def seed_of(*parts: object) -> int:
    """Return a 63-bit seed for a name such as ``("rollout", seed, step, question_id, sample)``.

    The parts are joined by their ``repr``, so ``1`` and ``"1"`` differ. The value is the same on every
    machine and for every Python version.
    """
    digest = hashlib.blake2b("\x1f".join(map(repr, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator_of(*parts: object) -> np.random.Generator:
    """Return a NumPy generator seeded by :func:`seed_of`."""
    return np.random.default_rng(seed_of(*parts))


def uniforms(seeds: np.ndarray, position: int | np.ndarray) -> np.ndarray:
    """Return one uniform number in [0, 1) for each sequence, float64 ``[B]``.

    ``seeds`` is uint64 ``[B]``; ``position`` counts the tokens of a sequence, for all ``B`` or each. SplitMix64 (Steele et al.,
    2014) used as a counter-based generator: a sequence draws the same numbers in any batch.
    """
    with np.errstate(over="ignore"):
        z = seeds.astype(np.uint64) + np.uint64(position + 1) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53

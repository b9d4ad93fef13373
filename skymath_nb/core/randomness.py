"""Named random streams: a seed and names give a generator that no other name disturbs."""

import numpy as np

from . import digests


def stream(seed: int, *names) -> int:
    """A seed below 2**32 (what torch and scikit-learn accept) from a digest of the seed and the
    names.
    """
    return int(digests.of_json([int(seed), *map(str, names)])[:8], 16)


def rng(seed: int, *names) -> np.random.Generator:
    """A generator of its own for these names: adding another name changes no other stream."""
    return np.random.default_rng(int(digests.of_json([int(seed), *map(str, names)]), 16))

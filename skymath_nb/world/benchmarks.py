"""The world's benchmarks: problems of the test split, as they are and in four variants. Their items are the same in every run."""

import random

from .. import runs
from .masking import backward
from .problem import Problem
from .sampler import SEEN, UNSEEN, distract, draw, translate

BENCHMARK_SEED = 2407_08348  # the test items are the same in every run, whatever its seed
BENCHMARKS = {
    "world-test": "unseen graphs of the families that seeds are drawn from, levels 1-5 in turn, English",
    "world-chinese": "the items of world-test in Chinese",
    "world-distractors": "the items of world-test with 1 to 3 sentences whose numbers change nothing",
    "world-backward": "the items of world-test asked backward: one number masked, the answer given (FOBAR)",
    **{f"world-distractors-{n}": f"the items of world-test with {n} such sentences" for n in range(6)},
    "world-unseen": "families that no seed is drawn from (a base may have read their stories, unsolved)",
}


def items(name: str, n: int, seed: int = BENCHMARK_SEED, split: str = "test") -> list[tuple[int, Problem]]:
    """The first n items of a benchmark as (number of the item in world-test, problem); raises ValueError for an unknown name.

    split  "test", or "dev" for choosing settings: world-backward takes its problems there, its inverse graphs may lie anywhere.
    """
    if name not in BENCHMARKS:
        raise ValueError(f"the world has no benchmark {name!r}; it has {', '.join(BENCHMARKS)}")
    unseen = name == "world-unseen"
    problems = draw(seed, n, families=UNSEEN if unseen else SEEN, split=split, stream="unseen" if unseen else "test")
    variants = [(i, _variant(name, problem, random.Random(runs.stream(seed, name, str(i))), i)) for i, problem in enumerate(problems)]
    return [(i, variant) for i, variant in variants if variant is not None]


def _variant(name, problem, rng, i):
    if name == "world-chinese":
        return translate(problem, "zh")
    if name == "world-distractors":
        return distract(problem, 1 + i % 3, rng)
    if name.startswith("world-distractors-"):
        return distract(problem, int(name.rpartition("-")[2]), rng)
    if name == "world-backward":
        return backward(problem, rng)
    return problem

"""The world's benchmarks: problems of the test split, as they are and in variants.

Their items are the same in every run.
"""

import random

from ..core import randomness
from .masking import backward
from .problem import Problem
from .sampler import SEEN, UNSEEN, distract, distractions, draw, translate

BENCHMARK_SEED = 2407_08348  # the test items are the same in every run, whatever its seed
MOST_DISTRACTORS = 5  # as in the paper's table 7
BENCHMARKS = {
    "world-test": "new graphs of the families of the seeds, levels 1-5 in turn, English",
    "world-chinese": "the items of world-test in Chinese",
    "world-distractors": "the items of world-test with 1 to 3 irrelevant sentences",
    "world-backward": "the items of world-test asked backward: a number masked, the answer given",
    "world-unseen": "held-out families (a base may have read their stories, unsolved)",
}
# The paper compares other items at every number of distractors; here item i with k is item i with k
# - 1 and one sentence more.
for _k in range(MOST_DISTRACTORS + 1):
    BENCHMARKS[f"world-distractors-{_k}"] = (
        f"the items of world-test with {_k} sentences whose numbers change nothing"
    )
    BENCHMARKS[f"world-chinese-distractors-{_k}"] = (
        f"the items of world-distractors-{_k} in Chinese"
    )


def items(
    name: str, n: int, seed: int = BENCHMARK_SEED, split: str = "test"
) -> list[tuple[int, Problem]]:
    """The first n items of a benchmark as (number of the item in world-test, problem).

    Raises ValueError for an unknown name.

    Args:
        split: "test", or "dev" for choosing settings: world-backward takes its problems there, its
            inverse graphs may lie anywhere.
    """
    if name not in BENCHMARKS:
        raise ValueError(f"the world has no benchmark {name!r}; it has {', '.join(BENCHMARKS)}")
    unseen = name == "world-unseen"
    # one stream whatever the number of distractors, so that the sentences of k are among those of k
    # + 1
    stream = "world-distractors-k" if name[-1].isdigit() else name
    problems = draw(
        seed,
        n,
        families=UNSEEN if unseen else SEEN,
        split=split,
        stream="unseen" if unseen else "test",
    )
    variants = [
        (i, _variant(name, problem, random.Random(randomness.stream(seed, stream, str(i))), i))
        for i, problem in enumerate(problems)
    ]
    return [(i, variant) for i, variant in variants if variant is not None]


def _variant(name, problem, rng, i):
    if name == "world-chinese":
        return translate(problem, "zh")
    if name == "world-distractors":
        return distract(problem, 1 + i % 3, rng)
    if name[-1].isdigit():
        told = distractions(problem, MOST_DISTRACTORS, rng)[int(name[-1])]
        return translate(told, "zh" if "chinese" in name else "en")
    if name == "world-backward":
        return backward(problem, rng)
    return problem

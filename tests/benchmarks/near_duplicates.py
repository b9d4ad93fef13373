"""Near duplicates among many variants of few problems.

CPU time, and recall against comparing all pairs.

    SKYMATH_DATA=... python tests/benchmarks/near_duplicates.py [problems] [rows]

A row is one of so many GSM8K train problems with other numbers. All 7473 problems and 2.5 million
rows have as many variants of a problem as 600 and 200 thousand; all pairs are compared up to 30
thousand rows (90 problems).
"""

import re
import sys
import time

import numpy as np

from skymath_nb.core import randomness
from skymath_nb.data import seeds
from skymath_nb.selection import near_duplicates
from skymath_nb.selection import ngrams as wording

ALL_PAIRS = 30_000


def main(problems="90", rows="30000"):
    rng, train = (
        randomness.rng(0, "benchmark", "near"),
        seeds.load("gsm8k", "train")["problem"].to_numpy(object),
    )
    chosen = rng.permutation(train)[: int(problems)]
    numbers = map(str, rng.integers(2, 9999, size=60 * int(rows)).tolist())
    texts = [
        re.sub(r"\d+", lambda m: next(numbers), text)
        for text in chosen[rng.integers(len(chosen), size=int(rows))]
    ]
    texts = wording.column(texts)
    started = time.process_time()
    found = near_duplicates.near(texts, measure=0)
    spent = time.process_time() - started
    print(
        f"{rows} rows of {problems} problems: {spent:.1f} CPU-s, {spent / len(texts) * 1e6:.0f} "
        f"us a row; {found.report}",
        flush=True,
    )
    if len(texts) <= ALL_PAIRS:
        pairs = near_duplicates._all_pairs(texts, 0.8)
        kept = found.kept
        settled = [kept[later] for earlier, later in pairs if kept[earlier]]
        false = sum((int(found.of[i]), i) not in pairs for i in np.flatnonzero(~kept).tolist())
        print(
            f"      recall {1 - np.mean(settled):.4f} of {len(settled)} pairs of a kept and a "
            f"later text; dropped wrongly: {false}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Intervals, tests and estimators on plain arrays of verdicts.

The tables they are read from are `evaluate`'s.

An item's answers are alike, so that items are resampled, never single answers: with several samples
an item, all of them are drawn or none. The bootstrap counts how often each different item is drawn
(a multinomial), which is the same as drawing items and takes no longer for 5,000 items than for 50.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 10_000  # of the bootstrap; its interval moves by less than 0.1 points beyond that
CELLS = 2_000_000  # counts held at once: 16 MB
SUBSETS = 500  # of the samples of one item, for the majority of fewer samples than there are


def tails(confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The two quantiles between which so much lies."""
    return (1 - confidence) / 2, (1 + confidence) / 2


def corrected(comparisons: int) -> float:
    """The confidence of each of several intervals that together hold with CONFIDENCE
    (Bonferroni).
    """
    return 1 - (1 - CONFIDENCE) / max(comparisons, 1)


def wilson(right: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of a share of n independent answers (Wilson 1927)."""
    interval = stats.binomtest(right, n).proportion_ci(confidence, method="wilson")
    # rounding must not push the bounds past the score at 0 and 1
    return min(float(interval.low), right / n), max(float(interval.high), right / n)


def clustered(
    totals: Sequence[float], sizes: Sequence[int], rng: np.random.Generator
) -> tuple[float, float]:
    """The percentile bootstrap interval of sum(totals) / sum(sizes), items resampled (Efron 1979).

    Where all items have the same score the bootstrap has no width: the interval is then Wilson's,
    of so many items.

    Args:
        totals: One number an item: its right answers, or its own score.
        sizes: How many answers that is out of, 1 for a score.
    """
    totals, sizes = np.asarray(totals, float), np.asarray(sizes, float)
    score = totals.sum() / sizes.sum()
    if np.ptp(totals / sizes) == 0:
        low, high = wilson(round(score * len(totals)), len(totals))
        return min(low, score), max(high, score)
    kinds, counts = np.unique(np.stack([totals, sizes]), axis=1, return_counts=True)
    right, asked = _resampled(kinds, counts, rng)
    low, high = np.quantile(right / asked, tails())
    return float(low), float(high)


def paired_bootstrap(
    differences: Sequence[float], rng: np.random.Generator, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The percentile bootstrap interval of a mean difference.

    One difference an item, from -1 to 1, items resampled.

    Where all items differ alike the bootstrap has no width: see `unseen`.
    """
    values, counts = np.unique(np.asarray(differences, float), return_counts=True)
    if len(values) == 1:
        return unseen(float(values[0]), int(counts[0]), confidence)
    means = _resampled(values[None], counts, rng)[0] / counts.sum()
    low, high = np.quantile(means, tails(confidence))
    return float(low), float(high)


def rest(cells: np.ndarray) -> float:
    """The mean square of what neither seed nor item explains in a two-way layout, cells (seeds,
    items), two seeds or more.
    """
    seeds, n = cells.shape
    left = cells - cells.mean(axis=1)[:, None] - cells.mean(axis=0)[None, :] + cells.mean()
    return float((left**2).sum() / ((seeds - 1) * max(n - 1, 1)))


def unseen(difference: float, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """An interval for a difference that is the same on all n items.

    As large a share of other items may differ as far as they can as Wilson's interval leaves for
    what was seen on none of n.
    """
    share = wilson(0, n, confidence)[1]
    return difference - share * (1 + difference), difference + share * (1 - difference)


def _resampled(kinds, counts, rng):
    """Sums over as many items as there are, drawn anew RESAMPLES times: (rows of kinds, RESAMPLES).

    Batches bound the memory.
    """
    step = max(1, CELLS // len(counts))
    sizes = [min(step, RESAMPLES - start) for start in range(0, RESAMPLES, step)]
    shares = counts / counts.sum()
    return np.concatenate(
        [kinds @ rng.multinomial(counts.sum(), shares, size).T for size in sizes], axis=1
    )


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p of McNemar's test from the items that one side alone has right."""
    return float(stats.binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def sign_flips(differences: Sequence[float], rng: np.random.Generator) -> float:
    """The two-sided p of a mean difference when each item's sign is a coin toss (Fisher's
    randomisation test, sampled).
    """
    differences = np.asarray(differences, float)
    sizes, counts = np.unique(np.abs(differences[differences != 0]), return_counts=True)
    if not len(sizes):
        return 1.0
    sums = (2 * rng.binomial(counts, 0.5, (RESAMPLES, len(counts))) - counts) @ sizes
    extreme = np.abs(sums) >= abs(differences.sum()) - 1e-9
    return float((1 + extreme.sum()) / (1 + RESAMPLES))


def pass_at_k(n: Sequence[int], right: Sequence[int], k: int) -> np.ndarray:
    """The chance that one of k samples is right, unbiased, from n samples an item of which so many
    are right.

    1 - C(n - c, k) / C(n, k), as a product of ratios that neither overflows nor cancels (Chen et
    al. 2021, section 2.1).
    """
    n, right = np.asarray(n, int), np.asarray(right, int)
    if k < 1 or (n < k).any():
        raise ValueError(
            f"pass@{k} needs at least {max(k, 1)} samples of every item, but one has "
            f"{n.min() if len(n) else 0}."
        )
    none = {
        (a, c): 1.0 - np.prod(1.0 - k / np.arange(a - c + 1, a + 1))
        for a, c in set(zip(n.tolist(), right.tolist(), strict=True))
    }
    return np.array([none[pair] for pair in zip(n.tolist(), right.tolist(), strict=True)])


def majority_at_k(
    votes: Sequence[int], right: Sequence[bool], silent: int, k: int, rng: np.random.Generator
) -> float:
    """The chance that the answer most often given by k of an item's samples is right.

    Ties are broken by lot.

    Args:
        votes: How many samples gave each different answer.
        right: Which answers are right.
        silent: Samples without an answer, which have no vote. Exact where k is all samples; else
            the mean over SUBSETS random subsets (Wang et al. 2023, self-consistency).
    """
    counts = np.array([*votes, silent])
    if not 1 <= k <= counts.sum():
        raise ValueError(
            f"maj@{k} needs at least {max(k, 1)} samples of every item, but one has {counts.sum()}."
        )
    if len(votes) == 0:
        return 0.0
    whole = k == counts.sum()
    drawn = counts[None] if whole else rng.multivariate_hypergeometric(counts, k, SUBSETS)
    drawn = drawn[:, :-1]
    first = (drawn == drawn.max(axis=1, keepdims=True)) & (drawn > 0)
    return float((first @ np.asarray(right, float) / np.maximum(first.sum(axis=1), 1)).mean())


def adjust(p: Sequence[float], method: str = "holm") -> np.ndarray:
    """p values made larger for having been looked at together.

    holm  the chance of even one false alarm among them is bounded (Holm 1979);  bh  the expected
          share of false alarms among those below a level is (Benjamini and Hochberg 1995).
    """
    p = np.asarray(p, float)
    if method == "bh":
        return stats.false_discovery_control(p, method="bh") if len(p) else p
    if method != "holm":
        raise ValueError(f'A correction {method!r} was asked for, but there are "holm" and "bh".')
    order = np.argsort(p)
    raised = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    adjusted = np.empty_like(p)
    adjusted[order] = raised
    return adjusted

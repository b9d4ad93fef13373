"""Is A better than B, worse, or no worse than a margin allows? One decision for scripts and CI."""

from typing import NamedTuple

import pandas as pd
from scipy.stats import norm

from ..core import intervals
from ..evaluation import scores
from . import power

BETTER, WORSE, NO_WORSE = "BETTER", "WORSE", "NO WORSE"
INCONCLUSIVE = "INCONCLUSIVE"
POWER = 0.8  # of the minimum detectable difference


class Decision(NamedTuple):
    """A paired comparison of two sets of responses and what follows from it.

    Attributes:
        verdict: BETTER, WORSE, NO WORSE or INCONCLUSIVE, of A against B.
        n: Items that both answered.
        seeds: Training seeds of A and of B, 1 and 1 where two single models are compared.
        a, b: Accuracies, as shares.
        difference: a - b, with the ends of its interval, `low` and `high`.
        confidence: Of the interval; the margin is tested one-sided at half of the rest.
        margin: How much worse still counts as no worse, as a share.
        p: Of no difference, by `test`.
        detectable: The smallest true difference that so many items and seeds show with POWER.
    """

    verdict: str
    n: int
    seeds: tuple[int, int]
    a: float
    b: float
    difference: float
    low: float
    high: float
    confidence: float
    margin: float
    p: float
    test: str
    detectable: float


def decide(
    a: pd.DataFrame,
    b: pd.DataFrame,
    margin: float = 0.0,
    verdict: str = "flexible",
    seed: int = 0,
) -> Decision:
    """Decide between two tables of graded answers to the same items.

    Args:
        a: Answers with the columns benchmark, id, sample and the verdict; with a column `seed` of
            two or more values on both sides, training seeds are compared, else two single models.
        b: The same, of the baseline.
        margin: The non-inferiority margin, a share: 0.02 is two points.
        verdict: The column that counts.
        seed: Names the bootstrap's random stream.

    Returns:
        The decision. BETTER: the interval lies above zero. NO WORSE: it lies above -margin.
        WORSE: it lies below zero. INCONCLUSIVE: the data do not decide.

    Raises:
        ValueError: The margin is no share, the items differ, or one side alone has seeds.
    """
    if not 0 <= margin < 1:
        raise ValueError(f"margin={margin}; it is a share of the items, as 0.02 for two points.")
    seeds = tuple(table["seed"].nunique() if "seed" in table else 1 for table in (a, b))
    if min(seeds) > 1:
        row = power.difference(a, b, verdict)
        parts = power.compared(a, b, verdict)
    elif max(seeds) > 1:
        raise ValueError(
            f"A has {seeds[0]} training seeds and B {seeds[1]}. Give two or more of each, or "
            "compare one seed with one."
        )
    else:
        row = scores.compare(a, b, seed=seed).set_index("verdict").loc[verdict].to_dict()
        parts = power.paired(a, b, verdict)
    error = power.standard_error(parts, row["n"], min(seeds))
    quantiles = norm.ppf(intervals.tails()[1]) + norm.ppf(POWER)
    return Decision(
        verdict=_verdict(row["low"], row["high"], margin),
        n=int(row["n"]),
        seeds=seeds,
        a=float(row["a"]),
        b=float(row["b"]),
        difference=float(row["difference"]),
        low=float(row["low"]),
        high=float(row["high"]),
        confidence=intervals.CONFIDENCE,
        margin=margin,
        p=float(row["p"]),
        test=row["test"],
        detectable=float(quantiles * error),
    )


def _verdict(low: float, high: float, margin: float) -> str:
    if low > 0:
        return BETTER
    if margin and low > -margin:
        return NO_WORSE
    return WORSE if high < 0 else INCONCLUSIVE

"""How precisely an experiment measures.

Where the scatter of accuracy comes from, and how many items and seeds see a difference.

A cell is one item answered by one student. Within an arm (one recipe, several training seeds, the
same items) its verdict is taken as item + seed + rest, a two-way layout with random effects; the
variances come from the mean squares of that layout (Searle, Casella and McCulloch 1992, chapter 4).
Two arms are compared on the same items with seeds of their own. Several samples of an item count
with their mean, whose scatter is in the rest.
"""

import math

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from ..core import intervals
from ..core.intervals import CONFIDENCE, unseen

ON = ("benchmark", "id")


def _verdicts(answers: pd.DataFrame, verdict: str, on) -> pd.DataFrame:
    """Mean verdicts, a row per seed and a column per item."""
    cells = answers.groupby(["seed", *on])[verdict].agg(["mean", "size"])
    table = cells["mean"].unstack(list(on)).astype(float)
    samples = cells["size"].unstack(list(on), fill_value=0)
    absent = int((samples.max().max() - samples).sum().sum())
    if (
        absent
        or len(table) < 2
        or answers.duplicated([c for c in ("seed", *on, "sample") if c in answers]).any()
    ):
        raise ValueError(
            "Variance over seeds needs two or more seeds that answered the same items, but the "
            f"arm has the seeds {list(table.index)}, {absent} answers are missing, or some are "
            "there twice. Train more seeds, or take the items that all answered."
        )
    return table


def components(answers: pd.DataFrame, verdict: str = "flexible", on=ON) -> dict:
    """Variance components of one arm's accuracy.

    N, seeds, accuracy, and the variances seed, item and rest (fractions squared).

    Args:
        answers: Of one arm, with the column `seed`; every seed answered the same items.
            `sd_between` is the plain standard deviation of the seeds' accuracies; `seed` takes out
            of it what so few items alone explain.

    Raises:
        ValueError: For fewer than two seeds or missing answers.
    """
    return _components(_verdicts(answers, verdict, on).to_numpy())


def _components(cells: np.ndarray) -> dict:
    seeds, n = cells.shape
    by_seed, by_item = cells.mean(axis=1), cells.mean(axis=0)
    rest = intervals.rest(cells)
    return {
        "n": n,
        "seeds": seeds,
        "accuracy": float(cells.mean()),
        "sd_between": float(by_seed.std(ddof=1)),
        "seed": max(0.0, float(by_seed.var(ddof=1) - rest / n)),
        "item": max(0.0, float(by_item.var(ddof=1) - rest / seeds)),
        "rest": rest,
    }


def compared(a: pd.DataFrame, b: pd.DataFrame, verdict: str = "flexible", on=ON) -> dict:
    """Components of the difference of two arms on the same items.

    Difference, and the variances seed, item, rest of it.

    `seed` and `rest` are the sums of the two arms'; `item` is how much the true difference varies
    from item to item.
    """
    left, right = _same_items(a, b, verdict, on)
    one, other = _components(left.to_numpy()), _components(right.to_numpy())
    by_item = (left.mean() - right.mean()).to_numpy()
    noise = one["rest"] / one["seeds"] + other["rest"] / other["seeds"]
    return {
        "difference": one["accuracy"] - other["accuracy"],
        "seed": one["seed"] + other["seed"],
        "item": max(0.0, float(by_item.var(ddof=1) - noise)),
        "rest": one["rest"] + other["rest"],
    }


def _same_items(a, b, verdict, on):
    left, right = (_verdicts(arm, verdict, on) for arm in (a, b))
    if set(left.columns) != set(right.columns):
        raise ValueError(
            f"Two arms are compared on the same items, but one answered {left.shape[1]} and the "
            f"other {right.shape[1]}, not the same."
        )
    return left, right[left.columns]


def difference(
    a: pd.DataFrame,
    b: pd.DataFrame,
    verdict: str = "flexible",
    on=ON,
    confidence: float = CONFIDENCE,
) -> dict:
    """Compare two recipes, each with two or more training seeds of its own, on the same items.

    Returns n (items), seeds_a, seeds_b, a, b (accuracies), difference (a - b) with its interval
    low, high, p, and their name, test. The variance of the difference is that of the seeds' means
    plus that of the items, whose share of the rest is taken out, so that it is not counted twice;
    the quantile is Student's with Satterthwaite's degrees of freedom, few where there are few
    seeds. A bootstrap of seeds and items together would count the rest three times (Owen 2007, the
    pigeonhole bootstrap).

    Raises:
        ValueError: For fewer than two seeds on a side, missing answers or other items.
    """
    left, right = _same_items(a, b, verdict, on)
    n, arms = left.shape[1], (_components(left.to_numpy()), _components(right.to_numpy()))
    by_item = (left.mean() - right.mean()).var(ddof=1) / n
    # mean squares that make up the variance: (contribution, degrees of freedom)
    squares = [(arm["sd_between"] ** 2 / arm["seeds"], arm["seeds"] - 1) for arm in arms]
    shared = [(arm["rest"] / (arm["seeds"] * n), (arm["seeds"] - 1) * (n - 1)) for arm in arms]
    if by_item > sum(part for part, _ in shared):
        squares += [(by_item, n - 1), *((-part, degrees) for part, degrees in shared)]
    variance = sum(part for part, _ in squares)
    gap, error = arms[0]["accuracy"] - arms[1]["accuracy"], math.sqrt(max(variance, 0.0))
    if variance > 0:
        degrees = variance**2 / sum(part**2 / degrees for part, degrees in squares)
    else:
        degrees = math.inf
    # what is taken out must not leave fewer than Welch's least
    degrees = max(degrees, min(arm["seeds"] for arm in arms) - 1)
    half = error * t.ppf((1 + confidence) / 2, degrees)
    low, high = (gap - half, gap + half) if error else unseen(gap, n, confidence)
    p = 2 * t.sf(abs(gap) / error, degrees) if error else float(gap == 0)
    one, other = arms
    sizes = {"verdict": verdict, "n": n, "seeds_a": one["seeds"], "seeds_b": other["seeds"]}
    means = {"a": one["accuracy"], "b": other["accuracy"], "difference": gap}
    test = {"p": float(p), "degrees": float(degrees), "test": "t over seeds and items"}
    return sizes | means | {"low": low, "high": high} | test


def paired(a: pd.DataFrame, b: pd.DataFrame, verdict: str = "flexible", on=ON) -> dict:
    """What `compared` returns, for two single models.

    How their difference varies from item to item; their seeds are not in it.
    """
    left, right = (table.groupby(list(on))[verdict].mean() for table in (a, b))
    if len(left) < 2 or not left.index.equals(right.index):
        raise ValueError(
            "Two models are compared on the same two or more items, but one answered "
            f"{len(left)} items and the other {len(right)}, not the same ones."
        )
    by_item = (left - right).to_numpy(float)
    difference, item = float(by_item.mean()), float(by_item.var(ddof=1))
    return {"difference": difference, "seed": 0.0, "item": item, "rest": 0.0}


def standard_error(parts: dict, items: int, seeds: int) -> float:
    """Standard error of the difference of two arms with so many items and seeds each, from
    `compared`.
    """
    return math.sqrt(
        parts["seed"] / seeds + parts["item"] / items + parts["rest"] / (items * seeds)
    )


def items_needed(
    parts: dict, difference: float, seeds: int, power: float = 0.8, level: float = 0.05
) -> float:
    """Items on which a true difference is seen with that power in a two-sided test at that level.

    Inf where the seeds alone forbid it.

    Args:
        difference: A fraction (0.05 is five points).
        parts: From `compared`.  Normal approximation.
    """
    largest = (difference / (norm.ppf(1 - level / 2) + norm.ppf(power))) ** 2 - parts[
        "seed"
    ] / seeds
    return math.ceil((parts["item"] + parts["rest"] / seeds) / largest) if largest > 0 else math.inf


def seeds_needed(
    parts: dict, difference: float, items: int, power: float = 0.8, level: float = 0.05
) -> float:
    """Seeds per arm with which `items_needed`'s difference is seen on so many items.

    Inf where the items alone forbid it.
    """
    largest = (difference / (norm.ppf(1 - level / 2) + norm.ppf(power))) ** 2 - parts[
        "item"
    ] / items
    if largest > 0:
        return max(1, math.ceil((parts["seed"] + parts["rest"] / items) / largest))
    return math.inf


def more(parts: dict, items: int, seeds: int = 1, **test) -> dict:
    """How many more items, with these seeds, or more seeds, on these items, until a true gap of the
    size found would be seen.

    Args:
        parts: From `compared` or `paired`; 0 where there are enough, inf where no number is enough
            (for `paired`, no number of seeds).
    """
    if not parts["difference"]:
        return {"items": math.inf, "seeds": math.inf}
    gap = abs(parts["difference"])
    return {
        "items": max(0, items_needed(parts, gap, seeds, **test) - items),
        "seeds": max(0, seeds_needed(parts, gap, items, **test) - seeds),
    }


def plan(
    parts: dict, differences=(0.02, 0.05, 0.1), seeds=(1, 2, 3, 5, 10), **test
) -> pd.DataFrame:
    """Items needed per difference (rows, in points) and number of seeds (columns).

    Inf where no number of items is enough.
    """
    rows = {}
    for difference in differences:
        needed = [items_needed(parts, difference, n, **test) for n in seeds]
        rows[f"{100 * difference:g} points"] = needed
    return pd.DataFrame(rows, index=pd.Index(seeds, name="seeds per arm")).T


def spread(answers: pd.DataFrame, **how) -> pd.DataFrame:
    """`components` of every arm (column `arm`) that has two or more seeds, a row an arm.

    seed_sd is in points.
    """
    rows = [{"arm": name, **components(part, **how)} for name, part in _repeated(answers)]
    table = pd.DataFrame(
        rows, columns=["arm", "n", "seeds", "accuracy", "sd_between", "seed", "item", "rest"]
    )
    return table.assign(seed_sd=100 * table["seed"].astype(float) ** 0.5)


def neighbours(answers: pd.DataFrame, **how) -> dict | None:
    """`compared` of each arm with the next in order of appearance, averaged.

    What two similar recipes differ by.

    None where fewer than two arms have two or more seeds.
    """
    arms = [part for _, part in _repeated(answers)]
    parts = [
        compared(later, earlier, **how) for earlier, later in zip(arms, arms[1:], strict=False)
    ]
    if not parts:
        return None
    names = ("seed", "item", "rest")
    return {name: float(np.mean([part[name] for part in parts])) for name in names}


def _repeated(answers):
    return [
        (name, part)
        for name, part in answers.groupby("arm", sort=False)
        if part["seed"].nunique() > 1
    ]

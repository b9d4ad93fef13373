"""How precisely an experiment measures: where the scatter of accuracy comes from, and how many items and seeds see a difference.

A cell is one item answered by one student. Within an arm (one recipe, several training seeds, the same items) its verdict is taken as
item + seed + rest, a two-way layout with random effects; the variances come from the mean squares of that layout (Searle, Casella and
McCulloch 1992, chapter 4). Two arms are compared on the same items with seeds of their own.
"""

import math

import numpy as np
import pandas as pd
from scipy.stats import norm

ON = ("benchmark", "id", "sample")


def _verdicts(answers: pd.DataFrame, verdict: str, on) -> pd.DataFrame:
    """Verdicts as 0 and 1, a row per seed and a column per item."""
    table = answers.pivot(index="seed", columns=list(on), values=verdict).astype(float)
    if table.isna().any().any() or len(table) < 2:
        raise ValueError(
            f"Variance over seeds needs two or more seeds that answered the same items, but the arm has the seeds {list(table.index)} "
            f"and {int(table.isna().sum().sum())} answers are missing. Train more seeds, or take the items that all answered."
        )
    return table


def components(answers: pd.DataFrame, verdict: str = "flexible", on=ON) -> dict:
    """Variance components of one arm's accuracy: n, seeds, accuracy, and the variances seed, item and rest (fractions squared).

    answers  of one arm, with the column `seed`; every seed answered the same items.
    `sd_between` is the plain standard deviation of the seeds' accuracies; `seed` takes out of it what so few items alone explain.
    Raises:  ValueError for fewer than two seeds or missing answers.
    """
    cells = _verdicts(answers, verdict, on).to_numpy()
    seeds, n = cells.shape
    by_seed, by_item = cells.mean(axis=1), cells.mean(axis=0)
    rest = ((cells - by_seed[:, None] - by_item[None, :] + cells.mean()) ** 2).sum() / ((seeds - 1) * max(n - 1, 1))
    return {
        "n": n,
        "seeds": seeds,
        "accuracy": float(cells.mean()),
        "sd_between": float(by_seed.std(ddof=1)),
        "seed": max(0.0, float(by_seed.var(ddof=1) - rest / n)),
        "item": max(0.0, float(by_item.var(ddof=1) - rest / seeds)),
        "rest": float(rest),
    }


def compared(a: pd.DataFrame, b: pd.DataFrame, verdict: str = "flexible", on=ON) -> dict:
    """Components of the difference of two arms on the same items: difference, and the variances seed, item, rest of it.

    `seed` and `rest` are the sums of the two arms'; `item` is how much the true difference varies from item to item.
    """
    left, right = (_verdicts(arm, verdict, on) for arm in (a, b))
    if set(left.columns) != set(right.columns):
        raise ValueError(
            f"Two arms are compared on the same items, but one answered {left.shape[1]} and the other {right.shape[1]}, not the same."
        )
    one, other = components(a, verdict, on), components(b, verdict, on)
    by_item = (left.mean() - right.mean()[left.columns]).to_numpy()
    noise = one["rest"] / one["seeds"] + other["rest"] / other["seeds"]
    return {
        "difference": one["accuracy"] - other["accuracy"],
        "seed": one["seed"] + other["seed"],
        "item": max(0.0, float(by_item.var(ddof=1) - noise)),
        "rest": one["rest"] + other["rest"],
    }


def standard_error(parts: dict, items: int, seeds: int) -> float:
    """Standard error of the difference of two arms with so many items and seeds each, from `compared`."""
    return math.sqrt(parts["seed"] / seeds + parts["item"] / items + parts["rest"] / (items * seeds))


def items_needed(parts: dict, difference: float, seeds: int, power: float = 0.8, level: float = 0.05) -> float:
    """Items on which a true difference is seen with that power in a two-sided test at that level; inf where the seeds alone forbid it.

    difference  a fraction (0.05 is five points);  parts  from `compared`.  Normal approximation.
    """
    largest = (difference / (norm.ppf(1 - level / 2) + norm.ppf(power))) ** 2 - parts["seed"] / seeds
    return math.ceil((parts["item"] + parts["rest"] / seeds) / largest) if largest > 0 else math.inf


def plan(parts: dict, differences=(0.02, 0.05, 0.1), seeds=(1, 2, 3, 5, 10), **test) -> pd.DataFrame:
    """Items needed per difference (rows, in points) and number of seeds (columns); inf where no number of items is enough."""
    rows = {f"{100 * d:g} points": [items_needed(parts, d, s, **test) for s in seeds] for d in differences}
    return pd.DataFrame(rows, index=pd.Index(seeds, name="seeds per arm")).T


def spread(answers: pd.DataFrame, **how) -> pd.DataFrame:
    """`components` of every arm (column `arm`) that has two or more seeds, a row an arm; seed_sd is in points."""
    rows = [{"arm": name, **components(part, **how)} for name, part in _repeated(answers)]
    table = pd.DataFrame(rows, columns=["arm", "n", "seeds", "accuracy", "sd_between", "seed", "item", "rest"])
    return table.assign(seed_sd=100 * table["seed"].astype(float) ** 0.5)


def neighbours(answers: pd.DataFrame, **how) -> dict | None:
    """`compared` of each arm with the next in order of appearance, averaged: what two similar recipes differ by.

    None where fewer than two arms have two or more seeds.
    """
    arms = [part for _, part in _repeated(answers)]
    parts = [compared(later, earlier, **how) for earlier, later in zip(arms, arms[1:], strict=False)]
    return {name: float(np.mean([part[name] for part in parts])) for name in ("seed", "item", "rest")} if parts else None


def _repeated(answers):
    return [(name, part) for name, part in answers.groupby("arm", sort=False) if part["seed"].nunique() > 1]

"""Accuracy as a law of data size: nested subsets of one order, two forms of law, a forecast with its interval.

What is scaled is the number of augmented instances from a fixed seed set (Skywork-Math, section 4.2, figure 5). The paper fits nothing;
the forms here are the two plain ones: a straight line in log2(size), and a power law of the error with a ceiling.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import runs


def nested_subsets(n: int, sizes: Iterable[int], seed: int) -> dict[int, np.ndarray]:
    """Row positions per size, each subset holding every smaller one: prefixes of one random order of n rows.

    Raises ValueError for a size outside 1..n (sizes are data that exists; asking for more would repeat rows in silence).
    """
    sizes = sorted(set(sizes))
    wrong = [size for size in sizes if not 1 <= size <= n]
    if wrong or not sizes:
        raise ValueError(f"sizes {wrong or 'none'} cannot be taken from {n} rows; ask for 1 to {n}, or make more instances")
    order = runs.rng(seed, "scaling", "order").permutation(n)
    return {size: order[:size] for size in sizes}


class Fit(NamedTuple):
    """A fitted law: its form, its coefficients, and the root mean squared error on the points, as a fraction of accuracy."""

    form: str
    coefficients: tuple[float, ...]
    rmse: float

    def predict(self, size):
        """Accuracy (a fraction from 0 to 1) at a size or an array of sizes."""
        return np.clip(FORMS[self.form][0](np.asarray(size, float), *self.coefficients), 0, 1)


def _line(size, at_one, per_doubling):
    return at_one + per_doubling * np.log2(size)


def _ceiling(size, ceiling, gap, exponent):
    return ceiling - gap * size ** (-exponent)


def fit(points: pd.DataFrame, form: str = "log_linear") -> Fit:
    """Least squares of one form on points with columns size and accuracy (a fraction).

    Raises ValueError for an unknown form, or for fewer different sizes than the form has coefficients.
    """
    if form not in FORMS:
        raise ValueError(f"form {form!r} does not exist; there are {', '.join(FORMS)}")
    from scipy.optimize import curve_fit

    law, start, bounds = FORMS[form]
    size, accuracy = points["size"].to_numpy(float), points["accuracy"].to_numpy(float)
    if len(set(size)) < len(start):
        raise ValueError(f"{form} has {len(start)} coefficients and the points have {len(set(size))} different sizes; add sizes")
    coefficients, _ = curve_fit(law, size, accuracy, p0=start, bounds=bounds, maxfev=20_000)
    rmse = float(np.sqrt(np.mean((law(size, *coefficients) - accuracy) ** 2)))
    return Fit(form, tuple(map(float, coefficients)), rmse)


def forecast(points: pd.DataFrame, size: int, form: str = "log_linear", *, resamples: int = 500, seed: int = 0) -> dict:
    """Accuracy expected at a size, with a 95 % percentile interval from resampling the runs of each size.

    Points need one row per trained model (columns size, accuracy); with one run per size the interval cannot be had and is an error.
    """
    if points.groupby("size")["accuracy"].size().min() < 2:
        raise ValueError("a forecast's interval needs at least two runs (seeds) of every size; fit() alone works with one")
    rng, guesses = runs.rng(seed, "scaling", "bootstrap", form), []
    groups = [part for _, part in points.groupby("size")]
    for _ in range(resamples):
        drawn = pd.concat([part.iloc[rng.integers(0, len(part), len(part))] for part in groups])
        guesses.append(float(fit(drawn, form).predict(size)))
    low, high = np.percentile(guesses, [2.5, 97.5])
    return {"accuracy": float(fit(points, form).predict(size)), "low": float(low), "high": float(high), "n": len(points)}


# form -> (law, where the search starts, bounds of the coefficients)
FORMS: dict[str, tuple[Callable, list[float], tuple]] = {
    "log_linear": (_line, [0.0, 0.05], (-np.inf, np.inf)),
    "power_ceiling": (_ceiling, [0.8, 1.0, 0.3], ([0.0, 0.0, 0.0], [1.0, np.inf, 3.0])),
}

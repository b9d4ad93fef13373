"""Accuracy as a law of data size.

Nested subsets of one order, forms of law that compete in prediction, forecasts with intervals.

What is scaled is the number of augmented instances from a fixed seed set (Skywork-Math, section
4.2, figure 5). The paper fits nothing. The forms are the plain ones of the field: a straight line
in log2(size); a power law of the error above a floor (Hestness et al. 2017, arXiv 1712.00409); and
a logistic in log2(size), to 1 or to a ceiling of its own (a share of right answers is bounded at
both ends). A form is chosen by how well it predicted the next size from the smaller ones, never by
eye. Accuracies are fractions.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..core import intervals, randomness

RESAMPLES = 300  # of the bootstrap: each is a fit
BUDGETS = ("epochs", "steps")
POINT = ("size", "accuracy", "low", "high")
SUMMARY = [
    "smallest",
    "largest",
    "slope",
    "slope_low",
    "slope_high",
    "form",
    "next_size",
    "gain",
    "gain_low",
    "gain_high",
    "saturating",
    "errors",
]
LEAST = 3  # sizes that every form can be fitted on


# --- the arms
# ----------------------------------------------------------------------


def nested_subsets(n: int, sizes: Iterable[int], seed: int) -> dict[int, np.ndarray]:
    """Row positions per size, each subset holding every smaller one.

    Prefixes of one random order of n rows.

    Raises ValueError for a size outside 1..n (sizes are data that exists; asking for more would
    repeat rows in silence).
    """
    sizes = sorted(set(sizes))
    wrong = [size for size in sizes if not 1 <= size <= n]
    if wrong or not sizes:
        raise ValueError(
            f"sizes {wrong or 'none'} cannot be taken from {n} rows; ask for 1 to {n}, or make "
            "more instances"
        )
    order = randomness.rng(seed, "scaling", "order").permutation(n)
    return {size: order[:size] for size in sizes}


def design(
    bases: Sequence[str],
    sizes: Sequence[int],
    budgets: Sequence[str],
    *,
    epochs: float,
    steps: int,
    batch_size: int,
) -> pd.DataFrame:
    """Return one line per base, budget and size: base, budget, size, epochs, steps, arm.

    The first base gets every budget, the others the first budget alone: they are there to be
    compared with it. Equal epochs train longer on more rows, equal steps do not. Lines that come to
    the same training have the same arm.

    Raises:
        ValueError: For an unknown budget.
    """
    if unknown := [budget for budget in budgets if budget not in BUDGETS]:
        raise ValueError(f"The budgets {unknown} were asked for; there are {', '.join(BUDGETS)}.")
    names = [base.rstrip("/").rsplit("/", 1)[-1] for base in bases]
    if len(set(names)) < len(names):
        raise ValueError(
            f"Bases are told apart by the last part of their names, but these are {names}. "
            "Rename a folder."
        )
    lines = []
    for base, name in zip(bases, names, strict=True):
        for budget in budgets if base == bases[0] else budgets[:1]:
            for size in sizes:
                repeated = epochs if budget == "epochs" else steps * batch_size / size
                # as the curriculum counts them
                taken = math.ceil(math.ceil(size * repeated - 1e-9) / batch_size)
                # a rounded share of a row more would be a step more
                if budget == "steps" and taken > steps:
                    repeated, taken = (steps * batch_size - 0.5) / size, steps
                lines.append((base, budget, size, float(repeated), taken, f"{name}-{size}x{taken}"))
    return pd.DataFrame(lines, columns=["base", "budget", "size", "epochs", "steps", "arm"])


# --- measured points
# ----------------------------------------------------------------------


class Curve(NamedTuple):
    """Accuracy at K sizes, and what it might as well have been: `draws` (R, K), resampled."""

    sizes: np.ndarray
    accuracy: np.ndarray
    draws: np.ndarray

    def head(self, k: int) -> "Curve":
        """The k smallest sizes; a negative k leaves out so many of the largest."""
        return Curve(self.sizes[:k], self.accuracy[:k], self.draws[:, :k])


def measure(
    answers: pd.DataFrame,
    verdict: str = "flexible",
    name: str = "",
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Curve:
    """The curve of answers with the columns size, seed and id.

    Draws hold the chance of the items and of the training seeds.

    Items are resampled, the same for all sizes and for all curves on the same items, so that what
    differs between them is paired. The seeds' own variance, what they differ by beyond chance on so
    many items, is pooled over the sizes, since so few seeds say little about it each, and enters as
    a normal error of the mean; `name` tells the curve's errors from another's. With one seed a size
    only the items count. A bootstrap of seeds and items together would count the rest three times
    (Owen 2007).

    Raises:
        ValueError: If an item is missing somewhere.
    """
    of = {"index": ["size", "seed"], "columns": ["benchmark", "id"], "values": verdict}
    table = answers.pivot_table(**of, aggfunc="mean", sort=True)
    if table.isna().any(axis=None):
        raise ValueError(
            f"Every model must have answered every item, but {int(table.isna().sum().sum())} "
            "answers are missing."
        )
    n = table.shape[1]
    # (seeds, items)
    cells = {size: part.to_numpy(float) for size, part in table.groupby(level="size")}
    means = np.stack([part.mean(axis=0) for part in cells.values()], axis=1)  # (items, sizes)
    counts = randomness.rng(seed, "scaling", "items").multinomial(n, np.full(n, 1 / n), resamples)
    variances = [_seed_variance(part) for part in cells.values() if len(part) > 1]
    variance = max(0.0, float(np.mean(variances or [0.0])))
    error = np.sqrt(variance / np.array([len(part) for part in cells.values()]))
    chance = randomness.rng(seed, "scaling", "seeds", name).normal(0, 1, (resamples, len(cells)))
    draws = counts @ means / n + chance * error
    return Curve(np.array(list(cells), float), means.mean(axis=0), draws)


def _seed_variance(cells: np.ndarray) -> float:
    """Variance between seeds beyond that of their items, unbiased and so perhaps below 0.

    Cells are (seeds, items).
    """
    return float(cells.mean(axis=1).var(ddof=1) - intervals.rest(cells) / cells.shape[1])


def published(
    sizes: Sequence[float],
    accuracy: Sequence[float],
    items: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Curve:
    """The curve of printed accuracies, of one run each on so many items.

    Only the items' chance is in its draws.
    """
    sizes, accuracy = np.asarray(sizes, float), np.asarray(accuracy, float)
    order = np.argsort(sizes)
    rng = randomness.rng(seed, "scaling", "published")
    draws = rng.binomial(items, accuracy[order], (resamples, len(order))) / items
    return Curve(sizes[order], accuracy[order], draws)


def points(curve: Curve) -> pd.DataFrame:
    """The columns POINT: accuracy with its 95 % interval."""
    low, high = np.quantile(curve.draws, [0.025, 0.975], axis=0)
    return pd.DataFrame(
        {"size": curve.sizes.astype(int), "accuracy": curve.accuracy, "low": low, "high": high}
    )


def curve(
    design: pd.DataFrame,
    answers: pd.DataFrame,
    base: str,
    budget: str,
    verdict: str = "flexible",
    **only,
) -> Curve:
    """The curve of one base and budget of a design, over the answers whose columns have these
    values alone: level=5, benchmark="...".
    """
    lines = design[(design["base"] == base) & (design["budget"] == budget)]
    rows = answers.merge(lines[["arm", "size"]], on="arm")
    for column, value in only.items():
        rows = rows[rows[column] == value]
    return measure(rows, verdict, f"{base} {budget}")


def spread(curves: dict[str, Curve]) -> pd.DataFrame:
    """`points` of several curves, with their names as `series`."""
    return _stacked({name: points(c) for name, c in curves.items()})


def _stacked(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame(columns=["series", *POINT]).astype(dict.fromkeys(POINT, float))
    return pd.concat(tables, names=["series"]).reset_index(level=0)


# --- forms of law
# ----------------------------------------------------------------------


def _line(x, at_one, per_doubling):
    return at_one + per_doubling * x


def _power(x, ceiling, gap, exponent):
    return ceiling - gap * np.exp2(-exponent * x)


def _logistic(x, half, slope):
    return 1 / (1 + np.exp(-slope * (x - half)))


def _logistic_ceiling(x, half, slope, ceiling):
    return ceiling * _logistic(x, half, slope)


class Form(NamedTuple):
    """A law of x = log2(size).

    Its function, the names of its coefficients, and their bounds (none for a straight line).
    """

    law: Callable
    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


FORMS = {
    "log_linear": Form(_line, ("at_one", "per_doubling"), (), ()),
    "power_ceiling": Form(
        _power, ("ceiling", "gap", "exponent"), (0.0, 0.0, 0.01), (1.0, np.inf, 3.0)
    ),
    "logistic": Form(_logistic, ("half", "slope"), (-40.0, 0.0), (80.0, 5.0)),
    "logistic_ceiling": Form(
        _logistic_ceiling, ("half", "slope", "ceiling"), (-40.0, 0.0, 0.0), (80.0, 5.0, 1.0)
    ),
}


class Fit(NamedTuple):
    """A fitted law.

    Its form, its coefficients by name, and the root mean squared error on the points it was fitted
    on.
    """

    form: str
    coefficients: dict[str, float]
    rmse: float

    def predict(self, sizes):
        """Accuracy at a size or an array of sizes, between 0 and 1."""
        x = np.log2(np.asarray(sizes, float))
        return np.clip(FORMS[self.form].law(x, *self.coefficients.values()), 0, 1)


def fit(
    sizes: Sequence[float],
    accuracy: Sequence[float],
    form: str,
    start: Sequence[float] | None = None,
) -> Fit:
    """Least squares of one form on sizes and accuracies.

    Raises ValueError for an unknown form, or for fewer sizes than the form has coefficients.

    Args:
        start: Coefficients near which the search begins; without them it begins at a line through
            the points, or their log-odds.
    """
    if form not in FORMS:
        raise ValueError(f"form {form!r} does not exist; there are {', '.join(FORMS)}")
    from scipy.optimize import least_squares

    law, names, low, high = FORMS[form]
    x, y = np.log2(np.asarray(sizes, float)), np.asarray(accuracy, float)
    if not np.isfinite(y).all():
        raise ValueError(
            f"Accuracies must be finite numbers, but {int((~np.isfinite(y)).sum())} of {len(y)} "
            "are not. Leave those sizes out."
        )
    if len(set(x)) < len(names):
        raise ValueError(
            f"{form} has {len(names)} coefficients, but there are {len(set(x))} different sizes; "
            "add sizes"
        )
    if form == "log_linear":
        found = np.polyfit(x, y, 1)[::-1]
    else:
        start = _start(form, x, y) if start is None else start
        start = np.clip(start, np.nextafter(low, np.inf), np.nextafter(high, -np.inf))
        bounded = {"bounds": (low, high), "x_scale": "jac"}
        found = least_squares(lambda given: law(x, *given) - y, start, **bounded).x
    rmse = float(np.sqrt(np.mean((law(x, *found) - y) ** 2)))
    return Fit(form, dict(zip(names, map(float, found), strict=True)), rmse)


def _start(form: str, x: np.ndarray, y: np.ndarray) -> list[float]:
    """Where the search begins.

    A line through the points' log-odds, or the logarithm of what they lack.
    """
    ceiling = 1.0 if form == "logistic" else min(1.0, y.max() + 0.05)
    inside = np.clip(y / ceiling, 0.01, 0.99)
    if form == "power_ceiling":
        slope, level = np.polyfit(x, np.log2(np.clip(ceiling - y, 0.01, None)), 1)
        return [ceiling, 2.0 ** min(level, 40), -slope]
    slope, level = np.polyfit(x, np.log(inside / (1 - inside)), 1)
    half = -level / slope if abs(slope) > 1e-6 else x.mean()
    return [half, slope, ceiling][: len(FORMS[form].names)]


# --- prediction
# ----------------------------------------------------------------------


def held_out(curve: Curve, forms: Iterable[str] = FORMS) -> pd.DataFrame:
    """Each form's errors in predicting what it has not seen.

    Columns form, how, size, predicted, measured, error, doublings.

    how  "next": from all smaller sizes, at least LEAST of them, which is what a forecast does, so
         many doublings ahead; "between": from all other sizes, for sizes that have smaller and
         larger ones.

    Raises:
        ValueError: For fewer than LEAST + 1 sizes.
    """
    k = len(curve.sizes)
    if k <= LEAST:
        raise ValueError(
            f"Predicting a size from the smaller ones takes {LEAST + 1} sizes or more, but there "
            f"are {k}; add sizes."
        )
    splits = [("next", i, np.arange(i)) for i in range(LEAST, k)]
    splits += [("between", i, np.delete(np.arange(k), i)) for i in range(1, k - 1)]
    lines = []
    for form in forms:
        for how, i, seen in splits:
            size, measured = curve.sizes[i], curve.accuracy[i]
            law = fit(curve.sizes[seen], curve.accuracy[seen], form)
            predicted = float(law.predict(size))
            line = {"form": form, "how": how, "size": int(size), "predicted": predicted}
            line |= {"measured": measured, "error": predicted - measured}
            lines.append(line | {"doublings": math.log2(size / curve.sizes[i - 1])})
    return pd.DataFrame(lines)


def ranking(errors: pd.DataFrame) -> pd.DataFrame:
    """Root mean squared error of each form from `held_out`, the best at predicting the next size
    first: columns next, between.
    """
    of = {"index": "form", "columns": "how", "values": "square"}
    squares = errors.assign(square=errors["error"] ** 2).pivot_table(**of, aggfunc="mean")
    return np.sqrt(squares)[["next", "between"]].sort_values("next").rename_axis(columns=None)


class Law(NamedTuple):
    """A form chosen for a curve, fitted on it and on each of its draws.

    Attributes:
        misfit: Its root mean squared error a doubling ahead of what it had seen, from so many
            `errors`. An error of several doublings is taken to grow with their square root.
    """

    best: Fit
    draws: tuple[Fit, ...]
    misfit: float
    errors: int
    sizes: np.ndarray

    def coefficients(self, confidence: float = 0.95) -> pd.DataFrame:
        """coefficient, value, low, high: percentile intervals over the draws."""
        lines = []
        for name, value in self.best.coefficients.items():
            draws = [draw.coefficients[name] for draw in self.draws]
            low, high = np.quantile(draws, _tails(confidence))
            lines.append({"coefficient": name, "value": value, "low": low, "high": high})
        return pd.DataFrame(lines)

    def forecast(
        self, sizes: Sequence[float], confidence: float = 0.9, seed: int = 0
    ) -> pd.DataFrame:
        """size, accuracy, low, high.

        The interval holds the draws' scatter and, beyond the largest size, an error like those made
        before.

        With so few errors to judge by, theirs is Student's, of as many degrees of freedom. The
        choice of the form is not in it.
        """
        sizes = np.asarray(sizes, float)
        noise = self._unseen(sizes, seed)
        guesses = np.clip(np.stack([d.predict(sizes) for d in self.draws]) + noise, 0, 1)
        best = self.best.predict(sizes)
        low, high = np.quantile(guesses, _tails(confidence), axis=0)
        ends = {"low": np.minimum(low, best), "high": np.maximum(high, best)}
        return pd.DataFrame({"size": sizes.round().astype(int), "accuracy": best} | ends)

    def doubling(self, confidence: float = 0.9, seed: int = 0) -> dict:
        """What twice the largest size would add.

        Gain with low and high; `saturating` is "yes" below a point, "no" above, or "open".
        """
        largest = self.sizes[-1]
        gains = np.array([d.predict(2 * largest) - d.predict(largest) for d in self.draws])
        gains = gains + self._unseen(np.array([2 * largest]), seed)[:, 0]
        gain = float(self.best.predict(2 * largest) - self.best.predict(largest))
        low, high = map(float, np.quantile(gains, _tails(confidence)))
        low, high = min(low, gain), max(high, gain)
        gains = {"gain": gain, "low": low, "high": high}
        return {"size": int(2 * largest)} | gains | {"saturating": _verdict(low, high)}

    def _unseen(self, sizes: np.ndarray, seed: int) -> np.ndarray:
        """Errors as large as those on unseen sizes, (R, sizes); none within the sizes seen."""
        chance = randomness.rng(seed, "scaling", "misfit").standard_t(
            self.errors, (len(self.draws), 1)
        )
        return chance * self.misfit * np.sqrt(np.maximum(0, np.log2(sizes / self.sizes[-1])))


def grid(sizes: np.ndarray, doublings: float = 1, n: int = 60) -> np.ndarray:
    """Sizes to draw a law at.

    From the smallest to so many doublings of the largest, evenly in the logarithm.
    """
    return np.geomspace(sizes[0], sizes[-1] * 2**doublings, n)


def bands(laws: dict[str, Law], doublings: float = 1) -> pd.DataFrame:
    """Forecasts of several laws at the sizes of `grid`, with their names as `series`.

    What a figure draws.
    """
    return _stacked({name: law.forecast(grid(law.sizes, doublings)) for name, law in laws.items()})


def outlook(laws: dict[str, Law], sizes: Sequence[float]) -> pd.DataFrame:
    """Forecasts of several laws at these sizes, a row a law, with columns as "5,000,000 low"."""
    told = {name: law.forecast(sizes).set_index("size").stack() for name, law in laws.items()}
    table = pd.DataFrame(told).T
    table.columns = [f"{size:,} {what}" for size, what in table.columns]
    return table


def ranks(curves: dict[str, Curve]) -> pd.DataFrame:
    """`ranking` of several curves, and what each form expects of twice the largest size (`twice`).

    Index curve, form.
    """
    told = {name: ranking(held_out(c)) for name, c in curves.items()}
    for name, c in curves.items():
        told[name]["twice"] = [
            float(fit(c.sizes, c.accuracy, form).predict(2 * c.sizes[-1]))
            for form in told[name].index
        ]
    if told:
        return pd.concat(told, names=["curve"])
    return pd.DataFrame(columns=["next", "between", "twice"])


def coefficients(laws: dict[str, Law]) -> pd.DataFrame:
    """The coefficients of several laws: curve, form, coefficient, value, low, high."""
    parts = [
        law.coefficients().assign(curve=name, form=law.best.form) for name, law in laws.items()
    ]
    columns = ["curve", "form", "coefficient", "value", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def summary(curves: dict[str, Curve], laws: dict[str, Law]) -> pd.DataFrame:
    """One line per curve.

    What was measured at both ends, the slope of a straight line per doubling, and what the next
    doubling adds.

    Columns: SUMMARY; the slope's interval is of 95 %, the gain's of 90 %, which rests on so many
    `errors` made before.
    """
    lines = {}
    for name, c in curves.items():
        slope = law(c, "log_linear").coefficients().iloc[1]
        told = laws[name].doubling()
        lines[name] = [
            c.accuracy[0],
            c.accuracy[-1],
            *slope[["value", "low", "high"]],
            laws[name].best.form,
            *told.values(),
            laws[name].errors,
        ]
    return pd.DataFrame.from_dict(lines, orient="index", columns=SUMMARY)


SATURATED = 0.01  # a gain below this for twice the data is called saturation


def _verdict(low: float, high: float) -> str:
    return "yes" if high < SATURATED else "no" if low > SATURATED else "open"


def _tails(confidence: float) -> tuple[float, float]:
    return (1 - confidence) / 2, (1 + confidence) / 2


def law(curve: Curve, form: str = "") -> Law:
    """The law of a curve, of the form given or of the one that predicted next sizes best.

    Raises:
        As `held_out` does.
    """
    errors = held_out(curve, [form] if form else FORMS)
    ranked = ranking(errors)
    form = str(ranked.index[0])
    best = fit(curve.sizes, curve.accuracy, form)
    draws = tuple(
        fit(curve.sizes, drawn, form, tuple(best.coefficients.values())) for drawn in curve.draws
    )
    ahead = errors[(errors["form"] == form) & (errors["how"] == "next")]
    misfit = float(np.sqrt((ahead["error"] ** 2 / ahead["doublings"]).mean()))
    return Law(best, draws, misfit, len(ahead), curve.sizes)


def check(curve: Curve, confidence: float = 0.9) -> dict:
    """Forecast the largest size from the smaller ones, form chosen on these alone, and hold it
    against what was measured.

    Returns form, size, forecast, low, high, measured, inside.

    Raises:
        ValueError: For fewer than LEAST + 2 sizes.
    """
    if len(curve.sizes) < LEAST + 2:
        raise ValueError(
            f"A forecast is checked with {LEAST + 2} sizes or more, but there are "
            f"{len(curve.sizes)}; add sizes."
        )
    found = law(curve.head(-1))
    told = found.forecast(curve.sizes[-1:], confidence).iloc[0]
    measured = float(curve.accuracy[-1])
    return {
        "form": found.best.form,
        "size": int(told["size"]),
        "forecast": float(told["accuracy"]),
        "low": float(told["low"]),
        "high": float(told["high"]),
        "measured": measured,
        "inside": bool(told["low"] <= measured <= told["high"]),
    }


def lead(a: Curve, b: Curve, confidence: float = 0.95) -> pd.DataFrame:
    """By how much b is ahead of a at each size both have, paired by items: size, lead, low, high.

    The last line, size 0, is how the lead changes with each doubling of the data (a line through
    the leads).
    """
    sizes, of_a, of_b = np.intersect1d(a.sizes, b.sizes, return_indices=True)
    gaps, draws = b.accuracy[of_b] - a.accuracy[of_a], b.draws[:, of_b] - a.draws[:, of_a]
    x = np.log2(sizes)
    slope, slopes = np.polyfit(x, gaps, 1)[0], np.polyfit(x, draws.T, 1)[0]
    low, high = np.quantile(np.column_stack([draws, slopes]), _tails(confidence), axis=0)
    return pd.DataFrame(
        {"size": [*sizes.astype(int), 0], "lead": [*gaps, slope], "low": low, "high": high}
    )


def flat_report(
    curves: dict[str, Curve], laws: dict[str, Law], prefix: str = ""
) -> dict[str, float | str | bool]:
    """The numbers of the first curve for a step's report.

    Its `summary` as law_..., its `check` as forecast_...; {} without curves.
    """
    if not curves:
        return {}
    name, curve = next(iter(curves.items()))
    told = summary({name: curve}, laws).iloc[0].to_dict()
    return {f"{prefix}law_{key}": value for key, value in told.items()} | {
        f"{prefix}forecast_{key}": value for key, value in check(curve).items()
    }

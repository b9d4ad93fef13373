"""Scores with their intervals, paired comparisons on the same items, and what went wrong, by rule."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from . import runs, schema

VERDICTS = ("strict", "flexible")
CONFIDENCE = 0.95
RESAMPLES = 10_000  # of the bootstrap; its interval moves by less than 0.1 points beyond that


def assemble(benchmark: str | pd.Series, items: pd.DataFrame, completions: Sequence, grades: Sequence) -> pd.DataFrame:
    """Join items, completions and grades, all in the same order, to a table of answers.

    items        seeds table, with or without `distractors`; an item that is there k times has samples 0 to k - 1.
    completions  objects with .text, .tokens and .cap_hit;  grades  of `answers.grade_many`.
    Raises:  ValueError if the three do not have the same length.
    """
    if not len(items) == len(completions) == len(grades):
        raise ValueError(
            f"One completion and one grade per item are needed, but there are {len(items)} items, "
            f"{len(completions)} completions and {len(grades)} grades. Generate and grade these items again."
        )
    table = items.reset_index(drop=True)
    table = table.assign(
        benchmark=np.asarray(benchmark),
        gold=table["answer"],
        response=[completion.text for completion in completions],
        tokens=[int(completion.tokens) for completion in completions],
        cap_hit=[bool(completion.cap_hit) for completion in completions],
        distractors=table["distractors"] if "distractors" in table else 0,
        **{name: [getattr(grade, name) for grade in grades] for name in (*VERDICTS, "extracted", "reason")},
    )
    table["sample"] = table.groupby(["benchmark", "id"]).cumcount()
    return table[schema.ANSWERS.names]


def score(answers: pd.DataFrame, by: str | Iterable[str] = ()) -> pd.DataFrame:
    """Return n, both accuracies (fractions) with Wilson 95 % intervals, and the cap-hit rate, per group of `by`.

    Source: Wilson 1927. The interval takes answers as independent: with several samples an item it is too narrow.
    """
    by = [by] if isinstance(by, str) else list(by)
    groups = answers.groupby(by, sort=False, dropna=False) if by else [((), answers)]
    rows = []
    for key, part in groups:
        row = dict(zip(by, key, strict=True)) | {"n": len(part)}
        for verdict in VERDICTS:
            right = int(part[verdict].sum())
            row |= {verdict: right / len(part)}
            row |= dict(zip((f"{verdict}_low", f"{verdict}_high"), _wilson(right, len(part)), strict=True))
        rows.append(row | {"cap_hit": float(part["cap_hit"].mean())})
    return pd.DataFrame(rows)


def _wilson(right: int, n: int) -> tuple[float, float]:
    from scipy.stats import binomtest

    interval = binomtest(right, n).proportion_ci(CONFIDENCE, method="wilson")
    # rounding must not push the bounds past the score at 0 and 1
    return min(float(interval.low), right / n), max(float(interval.high), right / n)


def compare(a: pd.DataFrame, b: pd.DataFrame, on: Sequence[str] = ("benchmark", "id", "sample"), seed: int = 0) -> pd.DataFrame:
    """Compare two tables of answers to the same items: one row per verdict.

    Columns: n, a, b (accuracies), difference (a - b) with its bootstrap 95 % interval low, high (paired resampling
             of items, RESAMPLES times, seeded), only_a and only_b (right in one alone), p (McNemar, exact).
    Raises:  ValueError if the items differ or one is there twice.
    """
    from scipy.stats import binomtest

    on = list(on)
    left, right = (table.set_index(on)[list(VERDICTS)] for table in (a, b))
    missing, extra = (len(x.index.difference(y.index)) for x, y in ((left, right), (right, left)))
    if missing or extra or not left.index.is_unique or not right.index.is_unique or not len(left):
        raise ValueError(
            f"A paired comparison needs the same items on both sides, each once, but a has {len(left)} answers and "
            f"b {len(right)}; {missing} items are only in a and {extra} only in b. Compare what both answered."
        )
    rows, right = [], right.loc[left.index]
    for verdict in VERDICTS:
        x, y = left[verdict].to_numpy(bool), right[verdict].to_numpy(bool)
        n, only_a, only_b = len(x), int((x & ~y).sum()), int((y & ~x).sum())
        # resampling items is drawing from three kinds: right in a alone, in b alone, no difference
        kinds = np.array([only_a, only_b, n - only_a - only_b]) / n
        draws = runs.rng(seed, "bootstrap", verdict).multinomial(n, kinds, RESAMPLES)
        low, high = np.quantile((draws[:, 0] - draws[:, 1]) / n, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        p = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
        row = {"verdict": verdict, "n": n, "a": x.mean(), "b": y.mean(), "difference": (only_a - only_b) / n}
        rows.append(row | {"low": low, "high": high, "only_a": only_a, "only_b": only_b, "p": float(p)})
    return pd.DataFrame(rows)


def compare_by(answers: pd.DataFrame, column: str, a: str, b: str, seed: int = 0) -> pd.DataFrame:
    """Compare the answers where `column` is a with those where it is b, per benchmark."""
    sides = [dict(list(answers[answers[column] == value].groupby("benchmark", sort=False))) for value in (a, b)]
    if not sides[0] or set(sides[0]) != set(sides[1]):
        raise ValueError(
            f"{column} {a!r} answered the benchmarks {sorted(sides[0])} and {b!r} {sorted(sides[1])}. "
            "Compare on benchmarks that both answered."
        )
    tables = [compare(part, sides[1][name], seed=seed).assign(benchmark=name) for name, part in sides[0].items()]
    table = pd.concat(tables, ignore_index=True)
    return table[["benchmark", *table.columns.drop("benchmark")]]


def compare_all(answers: pd.DataFrame, column: str, one: str, others: Sequence[str]) -> pd.DataFrame:
    """Compare `one` with each of the others, as compare_by does; a table without rows where there is none."""
    tables = {f"{one} against {other}": compare_by(answers, column, one, other) for other in others}
    return pd.concat(tables, names=["comparison"]).reset_index(0) if tables else pd.DataFrame(columns=["comparison"])


def flat_report(scores: pd.DataFrame) -> dict[str, float | int]:
    """Return a table of `score` as flat named numbers: world_test_flexible, with _n, _low and _high.

    Raises:  ValueError if two rows would have the same name.
    """
    numbers = [f"{verdict}{end}" for verdict in VERDICTS for end in ("", "_low", "_high")]
    report = {}
    for row in scores.to_dict("records"):
        groups = [str(value) for name, value in row.items() if name not in (*numbers, "n", "cap_hit")]
        prefix = re.sub(r"\W+", "_", "_".join(groups) or "all")
        if f"{prefix}_cap_hit" in report:
            raise ValueError(f"Two rows of the scores are both named {prefix!r}; score by columns that tell them apart.")
        report |= {f"{prefix}_{name}": float(row[name]) for name in (*numbers, "cap_hit")}
        report |= {f"{prefix}_{name}_n": int(row["n"]) for name in VERDICTS}
    return report

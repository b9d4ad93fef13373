"""The check of each exercise: the truth from the notebook's own tables, and what common mistakes come to."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from skymath_nb import coreset, dedup, evaluate

from .verdict import Verdict, judge


def guessing(predicted, answer, test: pd.DataFrame) -> Verdict:
    """00: per cent of the test problems whose gold answer is the commonest one."""
    counts = test["answer"].value_counts()
    truth = 100 * counts.iloc[0] / len(test)
    mistakes = {"the problems are counted, not their share": counts.iloc[0], "the share is not in per cent": truth / 100}
    hint = "How many problems have the commonest gold answer, of how many?"
    return judge(predicted, answer, truth, "per cent", 0.005, mistakes, hint)


def duplicates(predicted, answer, problems: pd.Series, similarity: float, seed: int) -> Verdict:
    """01: per cent of the problems that repeat another at this Jaccard similarity of word shingles."""
    kept = dedup.near(problems.tolist(), similarity, seed=seed).kept
    truth = 100 * (~kept).mean()
    mistakes = {
        "those that stay are counted instead of those that go": 100 * kept.mean(), "the share is not in per cent": truth / 100,
        "problems are counted, not their share": (~kept).sum(),
    }  # fmt: skip
    return judge(predicted, answer, truth, "per cent", 0.005, mistakes, f"dedup.near(..., {similarity}, seed=seed).kept says which stay.")


def cost(predicted, answer, instances: pd.DataFrame, prices: Mapping[str, float]) -> Verdict:
    """02: dollars per thousand kept instances; those that were eliminated were paid for as well.

    prices  dollars per million tokens, input and output
    """

    def dollars(rows):
        return (rows["tokens_in"].sum() * prices["input"] + rows["tokens_out"].sum() * prices["output"]) / 1e6

    kept, turned = instances[instances["kept"]], instances.rename(columns={"tokens_in": "tokens_out", "tokens_out": "tokens_in"})
    truth = 1000 * dollars(instances) / len(kept)
    mistakes = {
        "only the kept rows are paid for": 1000 * dollars(kept) / len(kept),
        "the money is spread over all rows, not the kept ones": 1000 * dollars(instances) / len(instances),
        "it is for one instance, not a thousand": truth / 1000,
        "prices are taken for one token, not for a million": 1e6 * truth,
        "input and output are changed over": 1000 * dollars(turned) / len(kept),
    }
    hint = "All rows are paid for, and only kept ones are worth anything."
    return judge(predicted, answer, truth, "dollars", 0.002 * truth, mistakes, hint)


def radius(predicted, answer, X: np.ndarray, k: int, given, seed: int) -> Verdict:
    """03: the covering radius of k-center at twice k."""
    path = coreset.select("k_center", X, 2 * k, selected=given, seed=seed).radius
    mistakes = {
        "the centres are not given as selected": coreset.select("k_center", X, 2 * k, seed=seed).radius[-1],
        "k points are chosen, not twice as many": path[k - 1], "the first radius is taken, not the last": path[0],
        "the radius is halved: it falls much more slowly than 1 / k": path[k - 1] / 2,
    }  # fmt: skip
    return judge(predicted, answer, float(path[-1]), "of cosine distance", 5e-4, mistakes, "coreset.select gives one radius per choice.")


def steps(predicted, answer, phases: pd.DataFrame, batch_size: int) -> Verdict:
    """04: optimiser steps of the whole plan with another batch; a phase reads its `rows` as often as its `epochs` say."""
    readings = phases["rows"] * phases["epochs"]
    truth = sum(math.ceil(n / batch_size) for n in readings)
    mistakes = {
        "each row is read once, whatever the epochs": phases["rows"].sum() / batch_size,
        "the batch is the one that was trained with": phases["steps"].sum(),
        "rows are counted, not batches": readings.sum(),
        "the batch is a factor, not a divisor": readings.sum() * batch_size,
    }
    hint = f"A step reads {batch_size} rows, and each phase reads its rows as often as its epochs say."
    return judge(predicted, answer, truth, "steps", len(phases), mistakes, hint)


def paired(predicted, answer, graded: pd.DataFrame, one: str, other: str, benchmark: str) -> Verdict:
    """05: points by which one student is ahead of the other on the items of a benchmark."""

    def flexible(part):
        sides = (part[part["student"] == student] for student in (one, other))
        return evaluate.compare(*sides).set_index("verdict").loc["flexible"]

    found, everywhere = flexible(graded[graded["benchmark"] == benchmark]), flexible(graded)
    truth = 100 * found["difference"]
    mistakes = {
        "the sign is turned: the last student minus the other": -truth, "items are counted, not points": found["only_a"] - found["only_b"],
        "only the items gained are counted, not those lost": 100 * found["only_a"] / found["n"],
        "all benchmarks are thrown together": 100 * everywhere["difference"], "the difference is a fraction, not points": truth / 100,
    }  # fmt: skip
    return judge(predicted, answer, truth, "points", 0.005, mistakes, f"Take {benchmark} alone; the same items answered twice.")


def doubling(predicted, answer, points: pd.DataFrame) -> Verdict:
    """06: points of accuracy gained a doubling of the data, between the smallest and the largest size of one series."""
    ends = points.sort_values("size").iloc[[0, -1]]
    gain, ratio = 100 * (ends["accuracy"].iloc[1] - ends["accuracy"].iloc[0]), ends["size"].iloc[1] / ends["size"].iloc[0]
    mistakes = {
        "the logarithm is the natural one": gain / math.log(ratio), "the logarithm is that of ten": gain / math.log10(ratio),
        "the gain is divided by the ratio of sizes, not by the number of doublings": gain / ratio,
        "the gain is that of the whole way, not of one doubling": gain,
        "accuracy is a fraction, not per cent": gain / math.log2(ratio) / 100,
    }  # fmt: skip
    hint = "How often does the smallest size double until it is the largest?"
    return judge(predicted, answer, gain / math.log2(ratio), "points", 0.05, mistakes, hint)


def reproduced(predicted, answer, found: pd.DataFrame) -> Verdict:
    """07: per cent of the contrasts with a claim that came out as claimed, beyond chance."""
    claims = found[found["claim"] != 0]
    seen = (claims["found"] == "reproduced").sum()
    signs = (np.sign(claims["difference"]) == claims["claim"]).sum()
    mistakes = {
        "contrasts without a claim are counted too": 100 * seen / len(found), "contrasts are counted, not their share": seen,
        "the sign alone is taken, whatever the interval": 100 * signs / len(claims), "the share is not in per cent": seen / len(claims),
    }  # fmt: skip
    hint = "A contrast has a claim where `claim` is not 0; `found` says what became of it."
    return judge(predicted, answer, 100 * seen / len(claims), "per cent", 0.05, mistakes, hint)


def standard_error(predicted, answer, accuracy: float, n: int) -> Verdict:
    """08: standard error in points of an accuracy over n items."""
    truth = 100 * math.sqrt(accuracy * (1 - accuracy) / n)
    mistakes = {
        "it is the half width of a 95 % interval, not the standard error": 1.96 * truth, "it is a fraction, not points": truth / 100,
        "the root is missing": 100 * accuracy * (1 - accuracy) / n, "it is for one item": truth * math.sqrt(n),
    }  # fmt: skip
    return judge(predicted, answer, truth, "points", 0.02, mistakes, "The variance of one answer is p (1 - p); n of them are averaged.")


def chance(answers: pd.DataFrame) -> float:
    """07: per cent of the arms whose first two seeds, the same recipe, differ by an interval over items that does not hold zero."""
    apart = []
    for _, part in answers.groupby("arm", sort=False):
        seeds = sorted(part["seed"].unique())[:2]
        if len(seeds) == 2:
            compared = evaluate.compare(*(part[part["seed"] == seed] for seed in seeds)).set_index("verdict").loc["flexible"]
            apart.append(compared["low"] > 0 or compared["high"] < 0)
    return 100 * float(np.mean(apart))


def contests(answers: pd.DataFrame, column: str, better, worse, n: int, seed: int, draws: int = 2000) -> float:
    """08: per cent of draws of n items in which the better side does not come out ahead."""
    table = answers.pivot_table(index=["benchmark", "id"], columns=column, values="flexible")
    gap = (table[better] - table[worse]).to_numpy(float)
    rng = np.random.default_rng(seed)
    return 100 * float(np.mean([rng.choice(gap, n, replace=False).mean() <= 0 for _ in range(draws)]))

"""Exercises of the notebooks: each asks for a prediction first and says what is wrong.

A check knows the truth from the notebook's own tables, and what common mistakes come to.
"""

import atexit
import html
import math
import shutil
import tempfile
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..evaluation import scores
from ..selection import coreset, near_duplicates

LOOK = {"open": "◦", "predicted": "◐", "wrong": "✗", "right": "✓", "seen": "✓"}


class Verdict(NamedTuple):
    """What is said of a prediction and an answer.

    Attributes:
        state: "open" without a prediction, "predicted" without an answer, "wrong", "right", or
            "seen": a prediction beside what came out.
        text: What is said.
    """

    state: str
    text: str

    def __repr__(self) -> str:
        return f"{LOOK[self.state]} {self.text}"

    def _repr_html_(self) -> str:
        return f"<p style='border-left:4px solid;padding-left:.8em'>{html.escape(repr(self))}</p>"


def judge(predicted, answer, truth, unit, within, mistakes, hint) -> Verdict:
    """What to say of an answer; the truth is told only with the right one.

    Args:
        predicted: What was predicted, None so far.
        answer: What was computed, None so far.
        truth: The right answer.
        unit: Of all numbers, as "per cent".
        within: How far the answer may lie from the truth.
        mistakes: What one may have done instead -> the number that comes of it.
        hint: Where to look if it is none of these.
    """
    if verdict := _unpredicted(predicted):
        return verdict
    if answer is None or answer is ...:
        text = f"Your prediction: {predicted:,.4g} {unit}."
        return Verdict("predicted", f"{text} Now compute it: set answer and run this cell again.")
    if flaw := _flaw(answer):
        return Verdict("wrong", f"Not yet: answer is {flaw}; one number is asked for, in {unit}.")
    if abs(answer - truth) <= within:
        off = _off(predicted, truth, within)
        text = f"Right: {truth:,.4g} {unit}."
        return Verdict("right", f"{text} You predicted {predicted:,.4g}, {off}.")
    shown = f"Not yet: {answer:,.4g} {unit} is"
    for why, value in mistakes.items():
        if math.isfinite(value) and abs(answer - value) <= within:
            return Verdict("wrong", f"{shown} what you get if {why}.")
    much = "much " if abs(answer - truth) > abs(truth) else ""
    side = "large" if answer > truth else "small"
    return Verdict("wrong", f"{shown} {much}too {side}. {hint}")


def break_it(predicted, run: Callable[[], float], unit: str, lesson: str) -> Verdict:
    """Run what is broken on purpose, once there is a prediction, and say what follows."""
    if verdict := _unpredicted(predicted):
        return verdict
    value = float(run())
    if not math.isfinite(value):
        text = f"There is nothing to measure here: what ran came to {value}."
        return Verdict("wrong", f"{text} Are the rows there that it needs?")
    off = _off(predicted, value, 0.005 * abs(value))
    text = f"It is {value:,.4g} {unit}. You predicted {predicted:,.4g}, {off}."
    return Verdict("seen", f"{text} {lesson}")


def _unpredicted(predicted) -> Verdict | None:
    if predicted is None:
        text = "Predict first: set predicted and run this cell again."
        return Verdict("open", f"{text} A wrong guess costs nothing.")
    if flaw := _flaw(predicted):
        return Verdict("open", f"predicted is {predicted!r}, {flaw}; a number is asked for.")
    return None


def _flaw(value) -> str:
    """What keeps a value from being a finite number, "" if nothing does."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return f"a {type(value).__name__}"
    return "" if math.isfinite(value) else f"{value}, which is not finite"


def _off(predicted: float, truth: float, within: float) -> str:
    off = predicted - truth
    side = "high" if off > 0 else "low"
    return "which is it" if abs(off) <= within else f"{abs(off):,.3g} too {side}"


def scratch() -> Path:
    """A new empty folder outside every run, which is removed when the kernel ends."""
    folder = Path(tempfile.mkdtemp(prefix="skymath-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def share_right(model: str | Path, items: pd.DataFrame, max_new_tokens: int = 160) -> float:
    """Per cent of the items that a model answers right, greedily, by the flexible verdict."""
    from .. import grading as answers
    from .. import prompts
    from ..inference import generation

    questions = [prompts.student(text) for text in items["problem"]]
    said = generation.generate(model, questions, max_new_tokens=max_new_tokens)
    grades = answers.grade_many([completion.text for completion in said], items["answer"].tolist())
    return 100 * sum(grade.flexible for grade in grades) / len(items)


def guessing(predicted, answer, test: pd.DataFrame) -> Verdict:
    """00: per cent of the test problems whose gold answer is the commonest one."""
    counts = test["answer"].value_counts()
    truth = 100 * counts.iloc[0] / len(test)
    mistakes = {
        "the problems are counted, not their share": counts.iloc[0],
        "the share is not in per cent": truth / 100,
    }
    hint = "How many problems have the commonest gold answer, of how many?"
    return judge(predicted, answer, truth, "per cent", 0.005, mistakes, hint)


def duplicates(predicted, answer, problems: pd.Series, similarity: float, seed: int) -> Verdict:
    """01: per cent of the problems that repeat another at this similarity of word shingles."""
    kept = near_duplicates.near(problems.tolist(), similarity, seed=seed).kept
    truth = 100 * (~kept).mean()
    mistakes = {
        "those that stay are counted instead of those that go": 100 * kept.mean(),
        "the share is not in per cent": truth / 100,
        "problems are counted, not their share": (~kept).sum(),
    }
    hint = f"dedup.near(..., {similarity}, seed=seed).kept says which stay."
    return judge(predicted, answer, truth, "per cent", 0.005, mistakes, hint)


def cost(predicted, answer, instances: pd.DataFrame, prices: dict[str, float]) -> Verdict:
    """02: dollars per thousand kept instances; those that were eliminated were paid for as well.

    Args:
        prices: Dollars per million tokens, input and output.
    """

    def dollars(rows, cost_in="input", cost_out="output"):
        paid_in = rows["tokens_in"].sum() * prices[cost_in]
        return paid_in + rows["tokens_out"].sum() * prices[cost_out]

    kept = instances[instances["kept"]]
    thousands = 1e6 * len(kept) / 1000  # of kept instances, and prices are for a million tokens
    truth = dollars(instances) / thousands
    mistakes = {
        "only the kept rows are paid for": dollars(kept) / thousands,
        "the money is spread over all rows, not the kept ones": truth * len(kept) / len(instances),
        "it is for one instance, not a thousand": truth / 1000,
        "prices are taken for one token, not for a million": 1e6 * truth,
        "input and output are changed over": dollars(instances, "output", "input") / thousands,
    }
    hint = "All rows are paid for, and only kept ones are worth anything."
    return judge(predicted, answer, truth, "dollars", 0.002 * truth, mistakes, hint)


def radius(predicted, answer, X: np.ndarray, k: int, given, seed: int) -> Verdict:
    """03: the covering radius of k-center at twice k."""
    path = coreset.select("k_center", X, 2 * k, selected=given, seed=seed).radius
    alone = coreset.select("k_center", X, 2 * k, seed=seed).radius
    mistakes = {
        "the centres are not given as selected": alone[-1],
        "k points are chosen, not twice as many": path[k - 1],
        "the first radius is taken, not the last": path[0],
        "the radius is halved: it falls much more slowly than 1 / k": path[k - 1] / 2,
    }
    hint = "coreset.select gives one radius per choice."
    return judge(predicted, answer, float(path[-1]), "of cosine distance", 5e-4, mistakes, hint)


def steps(predicted, answer, phases: pd.DataFrame, batch_size: int) -> Verdict:
    """04: optimiser steps of all phases with another batch size."""
    readings = phases["rows"] * phases["epochs"]
    truth = sum(math.ceil(n / batch_size) for n in readings)
    mistakes = {
        "each row is read once, whatever the epochs": phases["rows"].sum() / batch_size,
        "the batch is the one that was trained with": phases["steps"].sum(),
        "rows are counted, not batches": readings.sum(),
        "the batch is a factor, not a divisor": readings.sum() * batch_size,
    }
    hint = f"A step reads {batch_size} rows, and a phase reads its rows as often as `epochs` says."
    return judge(predicted, answer, truth, "steps", len(phases), mistakes, hint)


def paired(predicted, answer, graded: pd.DataFrame, one, other, benchmark) -> Verdict:
    """05: points by which one student is ahead of the other on the items of a benchmark."""

    def flexible(part):
        return _compared(part[part["student"] == one], part[part["student"] == other])

    found, everywhere = flexible(graded[graded["benchmark"] == benchmark]), flexible(graded)
    truth = 100 * found["difference"]
    mistakes = {
        "the sign is turned: the last student minus the other": -truth,
        "items are counted, not points": found["only_a"] - found["only_b"],
        "only the items gained are counted, not those lost": 100 * found["only_a"] / found["n"],
        "all benchmarks are thrown together": 100 * everywhere["difference"],
        "the difference is a fraction, not points": truth / 100,
    }
    hint = f"Take {benchmark} alone; the same items answered twice."
    return judge(predicted, answer, truth, "points", 0.005, mistakes, hint)


def doubling(predicted, answer, points: pd.DataFrame) -> Verdict:
    """06: points of accuracy gained a doubling of the data, over all sizes of one series."""
    ends = points.sort_values("size").iloc[[0, -1]]
    gain = 100 * (ends["accuracy"].iloc[1] - ends["accuracy"].iloc[0])
    ratio = ends["size"].iloc[1] / ends["size"].iloc[0]
    mistakes = {
        "the logarithm is the natural one": gain / math.log(ratio),
        "the logarithm is that of ten": gain / math.log10(ratio),
        "the gain is divided by the ratio of sizes, not by the number of doublings": gain / ratio,
        "the gain is that of the whole way, not of one doubling": gain,
        "accuracy is a fraction, not per cent": gain / math.log2(ratio) / 100,
    }
    hint = "How often does the smallest size double until it is the largest?"
    return judge(predicted, answer, gain / math.log2(ratio), "points", 0.05, mistakes, hint)


def reproduced(predicted, answer, found: pd.DataFrame) -> Verdict:
    """07: per cent of the contrasts with a claim that came out as claimed, beyond chance."""
    claims = found[found["claim"] != 0]
    seen = (claims["found"] == "reproduced").sum()
    signs = (np.sign(claims["difference"]) == claims["claim"]).sum()
    mistakes = {
        "contrasts without a claim are counted too": 100 * seen / len(found),
        "contrasts are counted, not their share": seen,
        "the sign alone is taken, whatever the interval": 100 * signs / len(claims),
        "the share is not in per cent": seen / len(claims),
    }
    hint = "A contrast has a claim where `claim` is not 0; `found` says what became of it."
    return judge(predicted, answer, 100 * seen / len(claims), "per cent", 0.05, mistakes, hint)


def standard_error(predicted, answer, accuracy: float, n: int) -> Verdict:
    """08: standard error in points of an accuracy over n items."""
    truth = 100 * math.sqrt(accuracy * (1 - accuracy) / n)
    mistakes = {
        "it is the half width of a 95 % interval, not the standard error": 1.96 * truth,
        "it is a fraction, not points": truth / 100,
        "the root is missing": 100 * accuracy * (1 - accuracy) / n,
        "it is for one item": truth * math.sqrt(n),
    }
    hint = "The variance of one answer is p (1 - p); n of them are averaged."
    return judge(predicted, answer, truth, "points", 0.02, mistakes, hint)


def chance(answers: pd.DataFrame) -> float:
    """07: per cent of the arms whose first two seeds differ significantly over the items."""
    apart = []
    for _, part in answers.groupby("arm", sort=False):
        seeds = sorted(part["seed"].unique())[:2]
        if len(seeds) == 2:
            compared = _compared(*(part[part["seed"] == seed] for seed in seeds))
            apart.append(compared["low"] > 0 or compared["high"] < 0)
    return 100 * float(np.mean(apart))


def contests(answers: pd.DataFrame, column: str, better, worse, n, seed, draws=2000) -> float:
    """08: per cent of draws of n items in which the better side does not come out ahead."""
    table = answers.pivot_table(index=["benchmark", "id"], columns=column, values="flexible")
    gap = (table[better] - table[worse]).to_numpy(float)
    rng = np.random.default_rng(seed)
    lost = [rng.choice(gap, n, replace=False).mean() <= 0 for _ in range(draws)]
    return 100 * float(np.mean(lost))


def _compared(one: pd.DataFrame, other: pd.DataFrame) -> pd.Series:
    return scores.compare(one, other).set_index("verdict").loc["flexible"]

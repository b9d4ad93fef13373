"""Scores with their intervals, pass@k and maj@k, and paired comparisons.

Of models, and of versions of the same items.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from ..core import intervals, randomness, schema
from ..grading import equivalent

VERDICTS = ("strict", "flexible")
NUMBERS = tuple(f"{verdict}{end}" for verdict in VERDICTS for end in ("", "_low", "_high"))
ITEM = ("benchmark", "id")  # the columns that name an item
MCNEMAR, SIGN_FLIPS = "McNemar, exact", "sign flips of items' means"


def assemble(
    benchmark: str | pd.Series, items: pd.DataFrame, completions: Sequence, grades: Sequence
) -> pd.DataFrame:
    """Join items, completions and grades, all in the same order, to a table of answers.

    Args:
        items: Seeds table, with or without `distractors`; an item that is there k times has samples
            0 to k - 1. `pair`, the id of the item behind a version of it, is kept where it is
            there.
        completions: Objects with .text, .tokens and .cap_hit.
        grades: Of `answers.grade_many`.

    Raises:
        ValueError: If the three do not have the same length.
    """
    if not len(items) == len(completions) == len(grades):
        raise ValueError(
            f"One completion and one grade per item are needed, but there are {len(items)} items, "
            f"{len(completions)} completions and {len(grades)} grades. Generate and grade these "
            "items again."
        )
    table = items.reset_index(drop=True)
    table = table.assign(
        benchmark=np.asarray(benchmark),
        gold=table["answer"],
        response=[completion.text for completion in completions],
        tokens=[int(completion.tokens) for completion in completions],
        cap_hit=[bool(completion.cap_hit) for completion in completions],
        distractors=table["distractors"] if "distractors" in table else 0,
    )
    for name in (*VERDICTS, "extracted", "reason"):
        table[name] = [getattr(grade, name) for grade in grades]
    table["sample"] = table.groupby(list(ITEM)).cumcount()
    return table[[*schema.ANSWERS.names, *table.columns.intersection(["pair"])]]


def score(answers: pd.DataFrame, by: str | Iterable[str] = (), seed: int = 0) -> pd.DataFrame:
    """Return n, both accuracies (fractions) with their 95 % intervals, and the cap-hit rate, per
    group of `by`.

    `interval` names how the bounds were found: "Wilson" where every item (benchmark, id) has one
    answer in the group, "bootstrap over items" where one has several, which are not independent.
    `items` is how many different items there are.
    """
    rows = []
    for key, part in _groups(answers, by):
        items = part.groupby(list(ITEM), sort=False)
        sizes = items.size().to_numpy()
        once = len(sizes) == len(part)
        row = key | {"n": len(part)}
        for verdict in VERDICTS:
            right = int(part[verdict].sum())
            if once:
                low, high = intervals.wilson(right, len(part))
            else:
                rng = randomness.rng(seed, "score")
                low, high = intervals.clustered(items[verdict].sum(), sizes, rng)
            row[verdict] = right / len(part)
            row |= {f"{verdict}_low": low, f"{verdict}_high": high}
        row |= {"cap_hit": float(part["cap_hit"].mean()), "items": len(sizes)}
        rows.append(row | {"interval": "Wilson" if once else "bootstrap over items"})
    table = pd.DataFrame(rows)
    types = answers.dtypes[table.columns.intersection(answers.columns)]
    ordered = [isinstance(kind, pd.CategoricalDtype) for kind in types]
    return table.astype(types[ordered].to_dict())


def _groups(answers, by):
    """The parts of a table per value of the columns `by`, each with its values as a dict.

    All of it where there are none.
    """
    by = [by] if isinstance(by, str) else list(by)
    if not by:
        return [({}, answers)]
    return [
        (dict(zip(by, key, strict=True)), part)
        for key, part in answers.groupby(by, sort=False, dropna=False, observed=True)
    ]


def score_endings(
    answers: pd.DataFrame, by: str | Iterable[str] = (), seed: int = 0
) -> pd.DataFrame:
    """Score completed answers and those that hit the length limit apart, with the share of each,
    per group of `by`.
    """
    by = [by] if isinstance(by, str) else list(by)
    ending = np.where(answers["cap_hit"], "cut off", "completed")
    table = score(answers.assign(ending=ending), [*by, "ending"], seed)
    whole = (
        table.groupby(by, sort=False, dropna=False)["n"].transform("sum") if by else len(answers)
    )
    columns = [*by, "ending", "n", "share", *NUMBERS, "items", "interval"]
    return table.assign(share=table["n"] / whole)[columns]


def bins(lengths: pd.Series, n: int = 4) -> pd.Series:
    """Cut whole numbers (characters, tokens) into at most n ranges with about as many each.

    An ordered category, "12 to 40".

    Example: evaluate.score(answers.assign(length=evaluate.bins(answers["tokens"])),
    by="length").sort_values("length")
    """
    if lengths.isna().any():
        raise ValueError(
            f"Lengths were to be binned, but {int(lengths.isna().sum())} of {len(lengths)} are "
            "missing. Leave those rows out."
        )
    # where all are equal there are no edges
    codes = pd.qcut(lengths, n, labels=False, duplicates="drop").fillna(0).astype(int)
    ends = lengths.groupby(codes).agg(["min", "max"])
    names = {
        code: f"{low:,} to {high:,}" if low < high else f"{low:,}"
        for code, low, high in ends.itertuples()
    }
    kind = pd.CategoricalDtype(list(names.values()), ordered=True)
    return codes.map(names).astype(kind).rename(lengths.name)


def pass_at_k(
    answers: pd.DataFrame,
    k: int | Iterable[int],
    by: str | Iterable[str] = (),
    verdict: str = "flexible",
    seed: int = 0,
) -> pd.DataFrame:
    """Return pass@k with its interval over items, per group and k.

    The chance that one of k samples is right.

    Source: Chen et al. 2021, section 2.1, the unbiased estimate from all samples of an item.

    Raises:
        ValueError: If an item has fewer than k samples.
    """

    def estimator(part):
        items = part.groupby(list(ITEM), sort=False)[verdict]
        n, right = items.size().to_numpy(), items.sum().to_numpy()
        return lambda size, rng: intervals.pass_at_k(n, right, size)

    return _at_k(answers, k, by, "pass_at_k", estimator, seed)


def majority_at_k(
    answers: pd.DataFrame, k: int | Iterable[int], by: str | Iterable[str] = (), seed: int = 0
) -> pd.DataFrame:
    """Return maj@k with its interval over items, per group and k.

    Is the answer that most of k samples give right?

    Answers vote together where they are equivalent; the verdict is the flexible one; samples
    without an answer have no vote.
    Source: Wang et al. 2023 (self-consistency).

    Raises:
        ValueError: If an item has fewer than k samples.
    """

    def estimator(part):
        ballots = [_ballots(item) for _, item in part.groupby(list(ITEM), sort=False)]
        return lambda size, rng: np.array(
            [intervals.majority_at_k(*ballot, size, rng) for ballot in ballots]
        )

    return _at_k(answers, k, by, "majority_at_k", estimator, seed)


def _ballots(item):
    """Votes per different answer, whether it is right, and how many samples gave none."""
    answered = item[item["extracted"].notna()]
    spellings = answered.groupby("extracted", sort=False)["flexible"].agg(["size", "sum"])
    votes, right = {}, {}  # by the first spelling of an answer
    for spelling, size, correct in spellings.itertuples():
        answer = next((known for known in votes if equivalent(spelling, known)), spelling)
        votes[answer] = votes.get(answer, 0) + size
        right[answer] = right.get(answer, 0) + correct
    is_right = [2 * right[answer] > votes[answer] for answer in votes]
    return list(votes.values()), is_right, len(item) - len(answered)


def _at_k(answers, k, by, name, estimator, seed):
    """A row per group and k.

    The mean over items of estimator(group)(k, rng), which gives one number an item.
    """
    rows = []
    for key, part in _groups(answers, by):
        _check_samples(part)
        estimate = estimator(part)
        for size in [k] if isinstance(k, int) else k:
            rng = randomness.rng(seed, name, str(size))
            items = estimate(size, rng)
            low, high = intervals.clustered(items, np.ones(len(items)), rng)
            row = key | {"k": size, "items": len(items), name: float(items.mean())}
            rows.append(row | {f"{name}_low": low, f"{name}_high": high})
    return pd.DataFrame(rows)


def _check_samples(part):
    """Refuse a group in which a sample of an item is there twice.

    Two students or seeds would pass for one.
    """
    again = int(part.duplicated([*ITEM, "sample"]).sum())
    if again:
        raise ValueError(
            f"The samples of one model are to be counted, but {again} answers have the same "
            "benchmark, id and sample as another. Group by what tells them apart, for example by "
            "student or seed."
        )


def compare(
    a: pd.DataFrame,
    b: pd.DataFrame,
    on: Sequence[str] = ITEM,
    seed: int = 0,
    confidence: float = intervals.CONFIDENCE,
) -> pd.DataFrame:
    """Compare two tables of answers to the same items: one row per verdict.

    Columns: n (items), a, b (accuracies), difference (a - b) with its bootstrap 95 % interval low,
             high (paired resampling of items, seeded), only_a and only_b (items that one has right,
             or more often right, than the other), p and its test.
    With one answer an item on both sides the test is McNemar's, exact. With several, an item counts
    with the mean of its samples, and the test flips the signs of the items' differences. Both are
    about these two models; `precision.difference` is about the recipes behind several training
    seeds.

    Raises:
        ValueError: If the items differ or an answer is there twice.
    """
    on = list(on)
    sides = [table.groupby(on)[list(VERDICTS)].agg("mean") for table in (a, b)]
    twice = sum(int(table.duplicated([*ITEM, "sample"]).sum()) for table in (a, b))
    missing, extra = (len(x.index.difference(y.index)) for x, y in (sides, sides[::-1]))
    if missing or extra or twice or not len(a):
        raise ValueError(
            "A paired comparison needs the same items on both sides, each sample once, but a "
            f"has {len(a)} answers and b {len(b)}; {missing} items are only in a and {extra} "
            f"only in b, and {twice} answers are there again. Compare what both answered; "
            "training seeds of one recipe are compared by precision.difference."
        )
    left, right = sides[0], sides[1].loc[sides[0].index]
    once = len(a) == len(b) == len(left)
    rows = []
    for verdict in VERDICTS:
        x, y = left[verdict].to_numpy(float), right[verdict].to_numpy(float)
        differences = x - y
        only_a, only_b = int((differences > 0).sum()), int((differences < 0).sum())
        rng = randomness.rng(seed, "bootstrap")
        low, high = intervals.paired_bootstrap(differences, rng, confidence)
        if once:
            p, test = intervals.mcnemar(only_a, only_b), MCNEMAR
        else:
            p, test = intervals.sign_flips(differences, randomness.rng(seed, "signs")), SIGN_FLIPS
        row = {"verdict": verdict, "n": len(x), "a": x.mean(), "b": y.mean()}
        row |= {"difference": differences.mean(), "low": low, "high": high}
        rows.append(row | {"only_a": only_a, "only_b": only_b, "p": p, "test": test})
    return pd.DataFrame(rows)


def compare_by(answers: pd.DataFrame, column: str, a: str, b: str, seed: int = 0) -> pd.DataFrame:
    """Compare the answers where `column` is a with those where it is b, per benchmark."""
    one, other = (
        dict(list(answers[answers[column] == value].groupby("benchmark", sort=False)))
        for value in (a, b)
    )
    if not one or set(one) != set(other):
        raise ValueError(
            f"{column} {a!r} answered the benchmarks {sorted(one)} and {b!r} {sorted(other)}. "
            "Compare on benchmarks that both answered."
        )
    tables = {name: compare(part, other[name], seed=seed) for name, part in one.items()}
    return pd.concat(tables, names=["benchmark"]).reset_index(0).reset_index(drop=True)


def compare_all(
    answers: pd.DataFrame, column: str, one: str, others: Sequence[str]
) -> pd.DataFrame:
    """Compare `one` with each of the others, as compare_by does.

    A table without rows where there is none.

    p_holm is p corrected for all of a verdict's comparisons in the table; `comparisons` is how many
    those are.
    """
    tables = {f"{one} against {other}": compare_by(answers, column, one, other) for other in others}
    if tables:
        return correct(pd.concat(tables, names=["comparison"]).reset_index(0))
    return pd.DataFrame(columns=["comparison"])


def correct(comparisons: pd.DataFrame, method: str = "holm") -> pd.DataFrame:
    """Add p_holm (or p_bh) and `comparisons`, their number.

    P corrected for all rows of the same verdict, looked at together.
    """
    p = comparisons.groupby("verdict", sort=False)["p"]
    adjusted = p.transform(lambda part: intervals.adjust(part, method))
    return comparisons.assign(**{f"p_{method}": adjusted}, comparisons=p.transform("size"))


def compare_variants(
    answers: pd.DataFrame,
    column: str,
    original: object,
    pair: str = "pair",
    by: str | Iterable[str] = (),
    seed: int = 0,
) -> pd.DataFrame:
    """Compare every other version of the items with the original one, on the items that both have,
    in pairs.

    Returns compare's rows per version (a is the version, b the original, on its own items alone),
    with `unpaired`, the items of one side that the other does not have, and p_holm over the whole
    table. Several answers of one pair count with their mean.

    Args:
        column: What tells versions apart: distractors, language, benchmark, the kind of
            perturbation.
        original: Its value of the items as they were.
        pair: The column with the id of the item behind a version; an item without one stands for
            itself.

    Raises:
        ValueError: Without the original, without another version, or where a version shares no item
            with it.
    """
    tables = []
    for key, part in _groups(answers, by):
        part = part.assign(**{pair: part[pair].fillna(part["id"])})
        versions = list(part.groupby(column, sort=True))
        base = next((rows for value, rows in versions if value == original), None)
        if base is None or len(versions) < 2:
            raise ValueError(
                f"Versions of the same items were to be compared with {column} {original!r}, but "
                f"{key or 'the table'} has the values {[value for value, _ in versions]}. Give "
                "the answers to the original items and to one version more."
            )
        for value, rows in versions:
            if value == original:
                continue
            shared = set(rows[pair]) & set(base[pair])
            if not shared:
                raise ValueError(
                    f"{column} {value!r} and {original!r} share no {pair}; they are not versions "
                    "of the same items."
                )
            unpaired = len(set(rows[pair]) ^ set(base[pair]))
            table = compare(
                rows[rows[pair].isin(shared)], base[base[pair].isin(shared)], on=[pair], seed=seed
            )
            tables.append(table.assign(**key, **{column: value}, unpaired=unpaired))
    table = correct(pd.concat(tables, ignore_index=True))
    first = [*key, column]
    return table[[*first, *table.columns.drop(first)]]


def flat_report(scores: pd.DataFrame) -> dict[str, float | int]:
    """Return a table of `score` as flat named numbers.

    world_test_flexible, with _n, _low and _high.

    Raises:
        ValueError: If two rows would have the same name.
    """
    report = {}
    for row in scores.to_dict("records"):
        groups = [
            str(value)
            for name, value in row.items()
            if name not in (*NUMBERS, "n", "cap_hit", "items", "interval")
        ]
        prefix = re.sub(r"\W+", "_", "_".join(groups) or "all")
        if f"{prefix}_cap_hit" in report:
            raise ValueError(
                f"Two rows of the scores are both named {prefix!r}; score by columns that tell "
                "them apart."
            )
        report |= {f"{prefix}_{name}": float(row[name]) for name in (*NUMBERS, "cap_hit")}
        report |= {f"{prefix}_{name}_n": int(row["n"]) for name in VERDICTS}
    return report

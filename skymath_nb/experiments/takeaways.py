"""The paper's takeaways as pairs of arms.

What is compared with what, on which items, what the paper claims, and the verdict.

A claim is a sign of the difference arm minus control. With several seeds the difference has its
interval over seeds and items; an interval, corrected for the contrasts of its takeaway, wholly on
the claimed side of `beyond` says reproduced, one wholly on the other side reversed, else it was not
seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from scipy.stats import norm

from ..core import intervals
from ..data import paper
from ..evaluation import scores
from . import power

PRINTED = {  # takeaway -> the paper's tables
    "order": ["Tables 2 and 11", "Table 14"],
    "diversity": ["Table 3"],
    "selection": ["Table 4", "Table 5"],
    "bilingual": ["Table 6"],
    "distractors": ["Table 7"],
    "moe": ["Table 8"],
    "leakage": ["Table 9"],
    "length": ["Table 13", "Table 10"],
}
TAKEAWAYS = tuple(PRINTED)
VARIATIONS = ("teacher", "base", "world")
VERDICTS = ("reproduced", "reversed", "not seen")
COLUMNS = ["takeaway", "variation", "says", "arm", "control", "claim", "beyond", "items", "against"]
SMALL = 0.03  # a difference below this is called none by a claim that there is none
NO_HELP = 0.05  # the same, where the field would think a gain of that size worth its cost


class Contrast(NamedTuple):
    """One comparison. items, against  parts of the answers (see `part`) on the arm's and the
    control's side.
    """

    takeaway: str
    says: str
    arm: str
    control: str
    claim: int  # the sign of arm minus control by the paper, 0 where the paper says nothing
    beyond: float = 0.0  # where the claim begins
    items: str = "test"
    against: str = ""  # the same items where it is empty; else other versions of them
    key: bool = False  # done again in every variation
    variation: str = ""


def every(
    takeaways: Sequence[str],
    variations: Sequence[str],
    *,
    chinese: Sequence[float],
    distracted: Sequence[float],
    copies: Sequence[int],
) -> list[Contrast]:
    """The contrasts of some takeaways, and their key ones again in each variation.

    Args:
        chinese, distracted: Shares of the rows, rising, chinese from 0.
        copies: Of each leaked item, rising.

    Raises:
        ValueError: For an unknown word, or doses that do not rise.
    """
    unknown = {*takeaways} - {*TAKEAWAYS} | {*variations} - {*VARIATIONS}
    doses = {"chinese": list(chinese), "distracted": list(distracted), "copies": list(copies)}
    falling = [
        name for name, values in doses.items() if not values or values != sorted(set(values))
    ]
    if unknown or falling or not takeaways or chinese[0] != 0:
        raise ValueError(
            f"takeaways are of {', '.join(TAKEAWAYS)}, variations of {', '.join(VARIATIONS)}, "
            f"and doses rise, chinese from 0; found {', '.join(sorted(unknown)) or 'no'} unknown "
            f"words, takeaways {list(takeaways)} and {doses}. Correct the parameters."
        )
    asked = ("", *variations)
    made = [
        c
        for c in _all(chinese, distracted, copies)
        if c.takeaway in takeaways and c.variation in asked
    ]
    here = [
        c._replace(
            arm=f"{c.arm}@{variation}",
            control=f"{c.control}@{variation}",
            variation=variation,
            items=f"{c.items}@{variation}",
        )
        for variation in variations
        for c in made
        if c.key
    ]
    # selection has its contrasts with the worse teacher already
    known = {(c.arm, c.control) for c in made if c.variation}
    return made + [c for c in here if (c.arm, c.control) not in known]


def _all(chinese, distracted, copies):
    order, diversity, selection, bilingual, distractors, moe, leakage, length = TAKEAWAYS
    yield Contrast(
        order,
        "normal, then hard, each with a fresh schedule (the paper's) / shuffled",
        "easy-fresh",
        "shuffled",
        1,
        key=True,
    )
    yield Contrast(
        order,
        "normal, then hard at a tenth of the rate, fresh schedules / shuffled",
        "easy-low",
        "shuffled",
        1,
    )
    yield Contrast(
        order,
        "normal, then hard, one schedule over both / shuffled",
        "easy-continued",
        "shuffled",
        1,
    )
    yield Contrast(
        order,
        "normal, then hard and normal replayed, fresh schedules / shuffled",
        "replay-fresh",
        "shuffled",
        1,
    )
    yield Contrast(
        order,
        "normal, then hard and normal replayed, one schedule / shuffled",
        "replay-continued",
        "shuffled",
        1,
    )
    yield Contrast(
        order,
        "normal, then hard, one schedule / shuffled, on levels 4 and 5",
        "easy-continued",
        "shuffled",
        1,
        items="hard",
    )
    yield Contrast(
        order,
        "hard, then normal / normal, then hard, one schedule",
        "hard-first",
        "easy-continued",
        -1,
    )
    yield Contrast(
        order, "hard rows among normal ones / as many normal ones", "shuffled", "reference", 1
    )
    yield Contrast(
        order,
        "hard rows among normal ones / as many normal ones, on levels 4 and 5",
        "shuffled",
        "reference",
        1,
        items="hard",
    )

    yield Contrast(
        diversity, "three methods / MetaMath-style alone", "reference", "metamath", 1, key=True
    )
    yield Contrast(diversity, "three methods / Evol-style alone", "reference", "evol", 1)
    yield Contrast(diversity, "three methods / Xwin-style alone", "reference", "xwin", 1)
    yield Contrast(diversity, "all seeds / a tenth of them", "reference", "narrow", 1)
    yield Contrast(
        diversity, "second round from a core-set / from random problems", "coreset", "random", 1
    )

    for variation in ("", "teacher"):
        at, teacher = (f"@{variation}", ", a worse teacher") if variation else ("", "")
        right, level, hard, control = (
            f"{name}{at}" for name in ("verified", "verified-levels", "hard-picked", "reference")
        )
        pairs = [
            ("right answers alone / random", right, control, -1),
            ("right answers at random's levels / random", level, control, 0),
        ]
        pairs += [
            ("right answers alone / the same at random's levels", right, level, -1),
            ("hard-picked / random", hard, control, 1),
        ]
        for says, arm, other, claim in pairs:
            key = says == pairs[0][0] and not variation
            yield Contrast(
                selection, says + teacher, arm, other, claim, key=key, variation=variation
            )
    yield Contrast(selection, "hard-picked and right / random", "verified-hard", "reference", 1)

    none, *more = [f"chinese-{100 * share:g}" for share in chinese]
    says = "English alone, asked in Chinese / the same items in English"
    yield Contrast(bilingual, says, none, none, 1, -0.1, "chinese", "test")
    for arm in more:
        share = arm.removeprefix("chinese-")
        yield Contrast(
            bilingual,
            f"{share} % Chinese / none, asked in Chinese",
            arm,
            none,
            -1,
            NO_HELP,
            "chinese",
        )
        yield Contrast(bilingual, f"{share} % Chinese / none, asked in English", arm, none, 0)

    yield Contrast(
        distractors,
        "1 to 5 distractors / none, same items",
        "reference",
        "reference",
        -1,
        items="distracted",
        against="plain",
    )
    yield Contrast(
        distractors,
        "more of the same data / less, with distractors",
        "more",
        "reference",
        1,
        items="distracted",
    )
    yield Contrast(
        distractors, "more of the same data / less, without distractors", "more", "reference", 1
    )
    shares = [f"{100 * share:g}" for share in distracted]
    for share in shares:
        says = f"{share} % of the rows with distractors / none"
        first = share == shares[-1]
        yield Contrast(
            distractors,
            f"{says}, with distractors",
            f"distracted-{share}",
            "reference",
            0,
            items="distracted",
            key=first,
        )
        yield Contrast(
            distractors, f"{says}, without distractors", f"distracted-{share}", "reference", 0
        )
    says = f"{shares[0]} % with distractors / more of the same data, with distractors"
    yield Contrast(distractors, says, f"distracted-{shares[0]}", "more", 0, items="distracted")

    yield Contrast(moe, "sparse / dense, equal active parameters", "moe", "moe-active", -1, SMALL)
    yield Contrast(moe, "sparse / dense, equal parameters in all", "moe", "moe-total", -1, SMALL)

    most = copies[-1]
    for n in copies:
        says = f"leaked items, {'once' if n == 1 else f'{n} times'} in the rows / never"
        yield Contrast(leakage, says, f"leak-{n}", "reference", 1, items="leaked", key=n == most)
    yield Contrast(
        leakage,
        f"the other items, the leaked {most} times in the rows / never",
        f"leak-{most}",
        "reference",
        0,
        items="unleaked",
    )
    yield Contrast(
        leakage,
        f"leaked items, in other words {most} times / never",
        f"reworded-{most}",
        "reference",
        1,
        items="leaked",
    )
    yield Contrast(
        leakage,
        "10-word filter / as many rows out at random, no leaks",
        "filtered-10",
        "thinned-10",
        -1,
    )
    says = f"leaked items, {most} times, then a 30-word filter / never"
    yield Contrast(leakage, says, "leak-filtered-30", "reference", -1, NO_HELP, "leaked")
    says = f"10-word filter over leaks of {most} times / as many rows out at random"
    yield Contrast(leakage, says, "leak-filtered-10", "leak-thinned-10", -1)

    yield Contrast(length, "longest rows cut short / whole", "truncated", "reference", -1)
    yield Contrast(length, "longest rows left out / kept", "dropped", "reference", -1)
    yield Contrast(length, "longest rows left out / as many at random", "dropped", "thinned", -1)


def asked(contrasts: list[Contrast]) -> dict[str, list[str]]:
    """The arms that contrasts name, each with the items that it is compared on (without
    variations).
    """
    arms: dict[str, dict[str, None]] = {}
    for contrast in contrasts:
        for arm, items in (
            (contrast.arm, contrast.items),
            (contrast.control, contrast.against or contrast.items),
        ):
            arms.setdefault(arm, {})[items.partition("@")[0]] = None
    return {arm: list(items) for arm, items in arms.items()}


def roles(parts: Iterable[str]) -> set[str]:
    """The roles of the benchmarks that hold these items: test, chinese, distracted."""
    return {part if part in ("chinese", "distracted") else "test" for part in parts}


def base_of(arm: str, base: str, bases: Mapping[str, str]) -> str:
    """What an arm is trained from.

    The study's base, one of the arm's own name (moe...), or the weaker one of the variation.
    """
    plain, _, variation = arm.partition("@")
    if variation == "base":
        return bases["weaker"]
    if plain.startswith("moe"):
        return bases[plain]
    return base


def table(contrasts: list[Contrast]) -> pd.DataFrame:
    """The contrasts as a table to be kept: a protocol, with the columns COLUMNS."""
    return pd.DataFrame(contrasts)[COLUMNS]


def part(answers: pd.DataFrame, items: str) -> pd.DataFrame:
    """The answers that a contrast's `items` name.

    With "@world" those of the half of the families alone that are left there.

    Args:
        answers: With the columns role (test, chinese, distracted), level, leaked, paired (asked
            with distractors too) and familiar.
    """
    name, _, variation = items.partition("@")
    cuts = {
        "test": answers["role"] == "test",
        "chinese": answers["role"] == "chinese",
        "distracted": answers["role"] == "distracted",
        "plain": (answers["role"] == "test") & answers["paired"],
        "hard": (answers["role"] == "test") & (answers["level"] >= 4),
        "leaked": (answers["role"] == "test") & answers["leaked"],
        "unleaked": (answers["role"] == "test") & ~answers["leaked"],
    }
    return answers[cuts[name] & (answers["familiar"] | (variation != "world"))]


def compare(tables: dict[str, pd.DataFrame], verdict: str = "flexible") -> pd.DataFrame:
    """Every contrast of a study's tables (contrasts, answers) with its difference, interval, p and
    `found`, what it says of the claim.

    a, b are the accuracies of arm and control; low, high their 95% interval. The contrasts of a
    takeaway (of each of its variations) are one family of `comparisons`: p_holm is p corrected
    within it, and `found` rests on the intervals corrected_low, corrected_high, which hold together
    with 95% (Bonferroni). With one seed an interval is over items alone, and about these two
    models.
    """
    answers, lines = tables["answers"], []
    by_arm = dict(list(answers.groupby("arm", sort=False)))
    families = tables["contrasts"].groupby(["takeaway", "variation"], sort=False)["arm"]
    rows = tables["contrasts"].assign(comparisons=families.transform("size")).to_dict("records")
    for row in rows:
        a = part(by_arm[row["arm"]], row["items"])
        b = part(by_arm[row["control"]], row["against"] or row["items"])
        if row["against"]:
            b = b[b["pair"].isin(a["pair"])]
        on = ["pair"] if row["against"] else ["benchmark", "id"]
        alone = _difference(a, b, verdict, on, intervals.CONFIDENCE)
        together = _difference(a, b, verdict, on, intervals.corrected(row["comparisons"]))
        ends = {f"corrected_{end}": together[end] for end in ("low", "high")}
        lines.append(row | alone | ends)
    told = pd.DataFrame(lines)
    ends = told[["claim", "beyond", "corrected_low", "corrected_high"]]
    told["found"] = [found(*values) for values in ends.itertuples(index=False)]
    told["p_holm"] = told.groupby(["takeaway", "variation"], sort=False)["p"].transform(
        intervals.adjust
    )
    return told


def _difference(a, b, verdict, on, confidence) -> dict:
    if a["seed"].nunique() > 1:
        # over the versions of an item
        means = [side.groupby(["seed", *on], as_index=False)[verdict].mean() for side in (a, b)]
        told = power.difference(*means, verdict, on, confidence)
    else:
        told = (
            scores.compare(a, b, on, confidence=confidence)
            .set_index("verdict")
            .loc[verdict]
            .to_dict()
        )
    return {name: told[name] for name in ("a", "b", "difference", "low", "high", "p", "n")} | {
        "seeds": a["seed"].nunique()
    }


def found(claim: int, beyond: float, low: float, high: float) -> str:
    """What an interval says of a claim.

    One of VERDICTS; for claim 0 "more", "less" or "not seen".
    """
    low, high = low - beyond, high - beyond
    if claim < 0:
        low, high = -high, -low
    words = ("reproduced", "reversed") if claim else ("more", "less")
    return words[0] if low > 0 else words[1] if high < 0 else "not seen"


def section(compared: pd.DataFrame, takeaway: str) -> pd.DataFrame:
    """The rows of a takeaway, each comparison once.

    A variation's only where it is of the takeaway's own making.
    """
    return compared[compared["takeaway"] == takeaway].drop_duplicates("says")


def lines(part: pd.DataFrame) -> pd.DataFrame:
    """Compared contrasts to be read.

    Per cent, points with their 95% interval, and the corrected interval that the verdict rests on.
    """
    told = pd.DataFrame({"arm / control": part["says"], "n": part["n"], "seeds": part["seeds"]})
    told[["arm", "control"]] = (100 * part[["a", "b"]]).round(1)
    told["difference"] = [_points(row) for row in part.itertuples()]
    corrected = part[["corrected_low", "corrected_high"]].mul(100).round(1)
    told["corrected"] = [f"[{low}, {high}]" for low, high in corrected.itertuples(index=False)]
    told["comparisons"] = part["comparisons"]
    told["p (Holm)"] = part["p_holm"].round(4)
    told["claimed"] = [_claimed(row) for row in part.itertuples()]
    return told.assign(found=part["found"]).reset_index(drop=True)


def _points(row) -> str:
    return f"{100 * row.difference:.1f} [{100 * row.low:.1f}, {100 * row.high:.1f}]"


def _claimed(row) -> str:
    sign = {1: "above", -1: "below", 0: "nothing"}[row.claim]
    return f"{sign} {100 * row.beyond:g}" if row.claim else sign


def summary(compared: pd.DataFrame) -> pd.DataFrame:
    """Per takeaway, variations left out.

    How many contrasts were decided, and how the claims among them came out.
    """
    plain = compared[compared["variation"] == ""]
    told = pd.crosstab(plain["takeaway"], plain["found"]).reindex(
        plain["takeaway"].drop_duplicates()
    )
    told = told.reindex(columns=[*VERDICTS, "more", "less"], fill_value=0)
    return told.assign(
        contrasts=told.sum(axis=1), decided=told.drop(columns="not seen").sum(axis=1)
    )


def judged(
    table: pd.DataFrame,
    claim: int,
    estimate: str = "difference",
    low: str = "low",
    high: str = "high",
) -> pd.DataFrame:
    """A table of other differences with what they say of a claim, corrected for the number of
    lines.

    Args:
        table: One comparison a line, with an estimate and its 95% interval.
        claim: 1 for above zero, -1 for below, 0 for none.
        estimate: The column of the estimate; `low` and `high` are those of the interval's ends.

    Returns:
        The table with corrected_low, corrected_high and `found`, which rests on them. Of an
        interval
        alone a level cannot be changed exactly: each end moves away from the estimate by the ratio
        of the normal quantiles (Bonferroni).
    """
    one = norm.ppf(intervals.tails()[1])
    all_lines = norm.ppf(intervals.tails(intervals.corrected(len(table)))[1])
    middle = table[estimate]
    ends = {
        f"corrected_{end}": middle + (table[end] - middle) * all_lines / one for end in (low, high)
    }
    wide = table.assign(**ends)
    verdicts = [found(claim, 0.0, *pair) for pair in wide[list(ends)].itertuples(index=False)]
    return wide.assign(found=verdicts)


def hanging(compared: pd.DataFrame) -> pd.DataFrame:
    """The contrasts that were done again, by variation.

    Difference and interval in points, as text; `turns` where both signs are shown.
    """
    names = {
        column: compared[column].str.partition("@")[0] for column in ("arm", "control", "items")
    }
    named = list(zip(compared["takeaway"], *names.values(), strict=True))
    varied = {
        name for name, variation in zip(named, compared["variation"], strict=True) if variation
    }
    same = [name in varied for name in named]
    rows = compared.assign(**names, at=compared["variation"].replace("", "as it is"))[same]
    side = (rows["corrected_low"] > 0).astype(int) - (rows["corrected_high"] < 0)
    rows = rows.assign(told=[_points(row) for row in rows.itertuples()], side=side)
    index = ["takeaway", "arm", "control", "items"]
    wide = rows.pivot_table(
        index=index, columns="at", values="told", aggfunc="first", sort=False
    ).fillna("")
    return wide.assign(
        turns=rows.groupby(index, sort=False)["side"].agg(lambda sides: {1, -1} <= set(sides))
    )


def extractor(compared: pd.DataFrame, strict: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """What the strict matcher changes, over all arms.

    Points it takes at most and on average, and the contrasts whose `found` changes.
    """
    answers = answers[answers["role"] == "test"]
    gap = 100 * (
        answers.groupby("arm")["flexible"].mean() - answers.groupby("arm")["strict"].mean()
    )
    changed = int((compared["found"].to_numpy() != strict["found"].to_numpy()).sum())
    told = {"arms": len(gap), "mean": gap.mean(), "least": gap.min(), "most": gap.max()}
    return pd.DataFrame([told | {"contrasts": len(compared), "changed": changed}])


def cuts(answers: pd.DataFrame, limits: Sequence[int]) -> pd.DataFrame:
    """Answers as if cut off at a limit of tokens.

    Share cut, strict accuracy of all, of the whole ones, and of those now cut as they were.

    What a limit cuts never comes to its closing sentence, and so is wrong for the strict matcher.
    """
    lines = []
    for limit in limits:
        cut = (answers["tokens"] > limit) | answers["cap_hit"]
        whole, short = answers.loc[~cut, "strict"], answers.loc[cut, "strict"]
        lines.append(
            (
                limit,
                cut.mean(),
                (answers["strict"] & ~cut).mean(),
                whole.mean(),
                short.mean(),
                len(answers),
            )
        )
    return pd.DataFrame(
        lines, columns=["limit", "cut", "strict", "strict_whole", "strict_cut_uncut", "n"]
    )


def steps(answers: pd.DataFrame) -> pd.DataFrame:
    """Accuracy in per cent by number of distractors, on the same items, of the arms that were asked
    with them; `kept` is what the most distractors leave of the accuracy at none, in per cent of it.
    """
    asked = set(answers.loc[answers["role"] == "distracted", "arm"])
    versions = answers[
        answers["paired"]
        & (answers["role"] != "chinese")
        & answers["arm"].isin(asked)
        & ~answers["arm"].str.contains("@")
    ]
    wide = 100 * versions.pivot_table(
        index="arm", columns="distractors", values="flexible", aggfunc="mean", sort=False
    )
    items = versions.groupby("arm")["pair"].nunique()
    return wide.assign(
        kept=100 * wide[wide.columns[-1]] / wide[0] if 0 in wide else float("nan"), items=items
    ).round(1)


def flat_report(compared: pd.DataFrame) -> dict[str, float | str]:
    """The first contrast of each takeaway as flat numbers.

    Order, order_low, order_high, order_n, order_found; and what was decided.
    """
    told = {}
    for name, part in compared[compared["variation"] == ""].groupby("takeaway", sort=False):
        row = part.iloc[0]
        told |= {
            name: row["difference"],
            f"{name}_low": row["low"],
            f"{name}_high": row["high"],
            f"{name}_n": int(row["n"]),
        }
        told |= {
            f"{name}_found": row["found"],
            f"{name}_decided": int((part["found"] != "not seen").sum()),
        }
    return told


def printed(takeaway: str) -> pd.DataFrame:
    """The paper's table or tables behind a takeaway, a line a model, data set and size, per
    cent.
    """
    tables = []
    for source in PRINTED[takeaway]:
        rows = paper.scores(source)
        what = (
            rows["benchmark"]
            + rows["language"].where(rows["language"] != "en", "").radd(" ").str.rstrip()
        )
        for name in ("level", "distractors", "max_length"):
            if rows[name].nunique() > 1:
                what = what + f", {name.replace('_', ' ')} " + rows[name].astype(str)
        index = ["source", "model", "data", "instances"]
        rows = rows.assign(
            what=what, instances=["" if pd.isna(n) else f"{n:,}" for n in rows["instances"]]
        )
        wide = rows.pivot_table(
            index=index, columns="what", values="accuracy", aggfunc="first", sort=False
        )
        tables.append(wide)
    return pd.concat(tables).astype(object).fillna("")

"""The paper's takeaways as pairs of arms.

What is compared with what, on which items, what the paper claims, and the verdict.

A claim is a sign of the difference arm minus control. With several seeds the difference has its
interval over seeds and items; an interval, corrected for the contrasts of its takeaway, wholly on
the claimed side of `beyond` says reproduced, one wholly on the other side reversed, else it was not
seen.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from typing import NamedTuple

import pandas as pd
import yaml
from scipy.stats import norm

from ..core import intervals
from ..data import paper
from ..evaluation import scores
from . import power

PROTOCOL = yaml.safe_load(
    resources.files(__package__).joinpath("takeaways.yaml").read_text(encoding="utf-8")
)
TAKEAWAYS = tuple(PROTOCOL)
VARIATIONS = ("teacher", "base", "world")
VERDICTS = ("reproduced", "reversed", "not seen")
TEXTS = ("says", "arm", "control")  # of a contrast, in which doses are filled in
COLUMNS = ["takeaway", "variation", "says", "arm", "control", "claim", "beyond", "items", "against"]


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
    falling = [name for name, each in doses.items() if not each or each != sorted(set(each))]
    if unknown or falling or not takeaways or chinese[0] != 0:
        raise ValueError(
            f"takeaways are of {', '.join(TAKEAWAYS)}, variations of {', '.join(VARIATIONS)}, "
            f"and doses rise, chinese from 0; found {', '.join(sorted(unknown)) or 'no'} unknown "
            f"words, takeaways {list(takeaways)} and {doses}. Correct the parameters."
        )
    asked = ("", *variations)
    written = {
        "chinese": [f"{100 * share:g}" for share in chinese[1:]],
        "distracted": [f"{100 * share:g}" for share in distracted],
        "copies": [str(n) for n in copies],
    }
    made = [c for c in _all(written) if c.takeaway in takeaways and c.variation in asked]
    here = []
    for variation in variations:
        for c in made:
            at = {name: f"{getattr(c, name)}@{variation}" for name in ("arm", "control", "items")}
            here += [c._replace(variation=variation, **at)] if c.key else []
    # selection has its contrasts with the worse teacher already
    known = {(c.arm, c.control) for c in made if c.variation}
    return made + [c for c in here if (c.arm, c.control) not in known]


def _all(doses: dict[str, list[str]]) -> Iterator[Contrast]:
    """All contrasts of the protocol, with its blocks written out."""
    for takeaway, entry in PROTOCOL.items():
        parameter = next((each["each"] for each in entry["contrasts"] if "each" in each), "copies")
        ends = dict(
            zip(("first", "last"), doses[parameter][:1] + doses[parameter][-1:], strict=False)
        )
        for each in entry["contrasts"]:
            for fields in _written_out(each, doses):
                texts = {key: text.format(**ends) for key, text in fields.items() if key in TEXTS}
                yield Contrast(takeaway, **fields | texts)


def _written_out(entry: dict, doses: dict[str, list[str]]) -> Iterator[dict]:
    """The fields of a contrast, or of each contrast of a block."""
    if "each" in entry:
        for dose in doses[entry["each"]]:
            last = dose == doses[entry["each"]][-1]
            given = {"dose": dose, "times": "once" if dose == "1" else f"{dose} times"}
            given |= {"first": "{first}", "last": "{last}"}
            for fields in entry["contrasts"]:
                texts = {key: text.format(**given) for key, text in fields.items() if key in TEXTS}
                yield fields | texts | {"key": last and fields.get("key") == "last"}
    elif "also" in entry:
        yield from entry["contrasts"]
        variation = entry["also"]
        for fields in entry["contrasts"]:
            arms = {role: f"{fields[role]}@{variation}" for role in ("arm", "control")}
            says = fields["says"] + entry["worded"]
            yield fields | arms | {"says": says, "key": False, "variation": variation}
    else:
        yield entry


def asked(contrasts: list[Contrast]) -> dict[str, list[str]]:
    """The arms that contrasts name, each with the items that it is compared on (without
    variations).
    """
    arms: dict[str, dict[str, None]] = {}
    for contrast in contrasts:
        other = contrast.against or contrast.items
        for arm, items in ((contrast.arm, contrast.items), (contrast.control, other)):
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
        "plain": answers["paired"],
        "hard": answers["level"] >= 4,
        "leaked": answers["leaked"],
        "unleaked": ~answers["leaked"],
    }
    [role] = roles([name])
    rows = (answers["role"] == role) & (answers["familiar"] | (variation != "world"))
    return answers[rows & cuts.get(name, True)]


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
    compared = pd.DataFrame(lines)
    ends = compared[["claim", "beyond", "corrected_low", "corrected_high"]]
    compared["found"] = [found(*values) for values in ends.itertuples(index=False)]
    p = compared.groupby(["takeaway", "variation"], sort=False)["p"]
    compared["p_holm"] = p.transform(intervals.adjust)
    return compared


def _difference(a, b, verdict, on, confidence) -> dict:
    if a["seed"].nunique() > 1:
        # over the versions of an item
        means = [side.groupby(["seed", *on], as_index=False)[verdict].mean() for side in (a, b)]
        result = power.difference(*means, verdict, on, confidence)
    else:
        compared = scores.compare(a, b, on, confidence=confidence).set_index("verdict")
        result = compared.loc[verdict]
    names = ("a", "b", "difference", "low", "high", "p", "n")
    return {name: result[name] for name in names} | {"seeds": a["seed"].nunique()}


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
    counts = pd.crosstab(plain["takeaway"], plain["found"])
    counts = counts.reindex(plain["takeaway"].drop_duplicates())
    counts = counts.reindex(columns=[*VERDICTS, "more", "less"], fill_value=0)
    decided = counts.drop(columns="not seen").sum(axis=1)
    return counts.assign(contrasts=counts.sum(axis=1), decided=decided)


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
    wider = all_lines / one
    ends = {f"corrected_{end}": middle + (table[end] - middle) * wider for end in (low, high)}
    wide = table.assign(**ends)
    verdicts = [found(claim, 0.0, *pair) for pair in wide[list(ends)].itertuples(index=False)]
    return wide.assign(found=verdicts)


def hanging(compared: pd.DataFrame) -> pd.DataFrame:
    """The contrasts that were done again, by variation.

    Difference and interval in points, as text; `turns` where both signs are shown.
    """
    at = compared["variation"].replace("", "as it is")
    rows = compared.assign(at=at)
    for column in ("arm", "control", "items"):
        rows[column] = compared[column].str.partition("@")[0]
    index = ["takeaway", "arm", "control", "items"]
    again = rows["variation"].ne("").groupby([rows[name] for name in index]).transform("any")
    rows = rows[again]
    side = (rows["corrected_low"] > 0).astype(int) - (rows["corrected_high"] < 0)
    rows = rows.assign(told=[_points(row) for row in rows.itertuples()], side=side)
    wide = rows.pivot_table(index=index, columns="at", values="told", aggfunc="first", sort=False)
    sides = rows.groupby(index, sort=False)["side"]
    return wide.fillna("").assign(turns=sides.agg(lambda signs: {1, -1} <= set(signs)))


def extractor(compared: pd.DataFrame, strict: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """What the strict matcher changes, over all arms.

    Points it takes at most and on average, and the contrasts whose `found` changes.
    """
    answers = answers[answers["role"] == "test"]
    means = 100 * answers.groupby("arm")[["flexible", "strict"]].mean()
    gap = means["flexible"] - means["strict"]
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
        line = {"limit": limit, "cut": cut.mean(), "strict": (answers["strict"] & ~cut).mean()}
        line |= {"strict_whole": whole.mean(), "strict_cut_uncut": short.mean()}
        lines.append(line | {"n": len(answers)})
    return pd.DataFrame(lines)


def steps(answers: pd.DataFrame) -> pd.DataFrame:
    """Accuracy in per cent by number of distractors, on the same items, of the arms that were asked
    with them; `kept` is what the most distractors leave of the accuracy at none, in per cent of it.
    """
    asked = set(answers.loc[answers["role"] == "distracted", "arm"])
    arms = answers["arm"].isin(asked) & ~answers["arm"].str.contains("@")
    versions = answers[arms & answers["paired"] & (answers["role"] != "chinese")]
    of = {"index": "arm", "columns": "distractors", "values": "flexible"}
    wide = 100 * versions.pivot_table(**of, aggfunc="mean", sort=False)
    items = versions.groupby("arm")["pair"].nunique()
    kept = 100 * wide[wide.columns[-1]] / wide[0] if 0 in wide else float("nan")
    return wide.assign(kept=kept, items=items).round(1)


def flat_report(compared: pd.DataFrame) -> dict[str, float | str]:
    """The first contrast of each takeaway as flat numbers.

    Order, order_low, order_high, order_n, order_found; and what was decided.
    """
    report = {}
    for name, part in compared[compared["variation"] == ""].groupby("takeaway", sort=False):
        row = part.iloc[0]
        report[name] = row["difference"]
        report |= {f"{name}_low": row["low"], f"{name}_high": row["high"]}
        report |= {f"{name}_n": int(row["n"]), f"{name}_found": row["found"]}
        report[f"{name}_decided"] = int((part["found"] != "not seen").sum())
    return report


def printed(takeaway: str) -> pd.DataFrame:
    """The paper's table or tables behind a takeaway, a line a model, data set and size, per
    cent.
    """
    tables = []
    for source in PROTOCOL[takeaway]["printed"]:
        rows = paper.scores(source)
        language = rows["language"].where(rows["language"] != "en", "")
        what = rows["benchmark"] + language.radd(" ").str.rstrip()
        for name in ("level", "distractors", "max_length"):
            if rows[name].nunique() > 1:
                what = what + f", {name.replace('_', ' ')} " + rows[name].astype(str)
        index = ["source", "model", "data", "instances"]
        instances = ["" if pd.isna(n) else f"{n:,}" for n in rows["instances"]]
        rows = rows.assign(what=what, instances=instances)
        of = {"index": index, "columns": "what", "values": "accuracy"}
        tables.append(rows.pivot_table(**of, aggfunc="first", sort=False))
    return pd.concat(tables).astype(object).fillna("")
